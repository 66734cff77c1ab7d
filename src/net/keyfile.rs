//! The file with a node's key: made once, read at every start, shown to nobody.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::handshake::{HandshakeError, NodeKey, NodeSecret};

/// The version of key files.
const FORMAT: u32 = 1;
/// The longest key file.
const LONGEST: u64 = 4096;

/// Why there is no key in a file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is a file already.
    #[error(
        "{0} is there already, and the node that has it could not be itself any more; \
         take another name, or write over it with --force"
    )]
    Exists(PathBuf),
    /// It cannot be read.
    #[error("{path}: {error}; `perjury keys {path}` makes one")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It cannot be written.
    #[error("{path}: {error}; name a file in a folder that is there and can be written")]
    Unwritten {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Others on this machine can read it.
    #[error("{0} can be read by others on this machine; run `chmod 600 {0}`, or make a new key")]
    Open(PathBuf),
    /// It is something else.
    #[error("{path} is no key file: {why}; `perjury keys` makes one")]
    Other {
        /// Where.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// No key can be made.
    #[error(transparent)]
    Key(#[from] HandshakeError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: u32,
    public: NodeKey,
    secret: NodeKey,
}

/// Makes a key and writes it to a file that nobody else on the machine can read.
///
/// # Errors
///
/// If there is such a file already, unless it is to be replaced; if it cannot be written.
pub fn make_key(path: &Path, replace: bool) -> Result<NodeSecret, KeyFileError> {
    let secret = NodeSecret::generate()?;
    let text = format!(
        "# The key of a node of a Perjury cluster. Whoever has it can pass for that node.\n\
         format = {FORMAT}\npublic = \"{}\"\nsecret = \"{}\"\n",
        secret.public(),
        NodeKey(*secret.bytes())
    );
    if replace {
        // A new file: the old one may be open to others.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(KeyFileError::Unwritten { path: path.to_owned(), error });
            }
            _ => {}
        }
    }
    let written = private().write(true).create_new(true).open(path).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    match written {
        Ok(()) => Ok(secret),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(KeyFileError::Exists(path.to_owned()))
        }
        Err(error) => Err(KeyFileError::Unwritten { path: path.to_owned(), error }),
    }
}

/// The key in a file.
///
/// # Errors
///
/// If there is none, or others can read it.
pub fn read_key(path: &Path) -> Result<NodeSecret, KeyFileError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| {
        let is_open = is_open_to_others(&file)?;
        file.take(LONGEST).read_to_string(&mut text)?;
        Ok(is_open)
    });
    if read.map_err(|error| KeyFileError::Io { path: path.to_owned(), error })? {
        return Err(KeyFileError::Open(path.to_owned()));
    }
    let other = |why: String| KeyFileError::Other { path: path.to_owned(), why };
    // What is wrong is not shown with its line, which may be the secret.
    let content: Content =
        toml::from_str(&text).map_err(|error| other(error.message().to_owned()))?;
    if content.format != FORMAT {
        return Err(other(format!("format {} is not known here", content.format)));
    }
    let secret = NodeSecret::from_bytes(content.secret.0)?;
    if secret.public() != content.public {
        return Err(other("its two halves do not belong together".to_owned()));
    }
    Ok(secret)
}

#[cfg(unix)]
fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(not(unix))]
fn private() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(unix)]
fn is_open_to_others(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(file.metadata()?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &File) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made_and_not_made_twice() {
        let folder = std::env::temp_dir().join(format!("perjury-key-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("own.key");
        let made = make_key(&path, true).unwrap();
        let again = read_key(&path).unwrap();
        assert_eq!((again.public(), again.bytes()), (made.public(), made.bytes()));
        assert!(matches!(make_key(&path, false), Err(KeyFileError::Exists(_))));
        assert_eq!(read_key(&path).unwrap().public(), made.public());
        let other = make_key(&path, true).unwrap();
        assert_ne!(other.public(), made.public());
        let text = fs::read_to_string(&path).unwrap();
        for (text, part) in [
            (text.replace("format = 1", "format = 2"), "format 2 is not known"),
            (text.replace(&other.public().to_string(), &made.public().to_string()), "halves"),
            (text.replace("secret", "secrets"), "unknown field `secrets`"),
            (String::new(), "missing field"),
        ] {
            fs::write(&path, text).unwrap();
            let told = read_key(&path).unwrap_err().to_string();
            assert!(told.contains(part) && told.contains("`perjury keys` makes one"), "{told}");
        }
        fs::remove_dir_all(&folder).unwrap();
        assert!(matches!(read_key(&path), Err(KeyFileError::Io { .. })));
        // To make one is no remedy for whoever tries that.
        for replace in [false, true] {
            let told = make_key(&path, replace).unwrap_err().to_string();
            assert!(told.contains("; name a file in a folder that is there"), "{told}");
        }
    }
}
