//! A memcached on this machine, to compare with: the program, and a user who speaks its text
//! protocol.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::net::{Asked, Asks, Response, UserError};

/// The program's name, looked for on the path.
const PROGRAM: &str = "memcached";

/// What it says of itself; none where it is not installed.
pub(super) fn version() -> Option<String> {
    let told = Command::new(PROGRAM).arg("-V").output().ok()?;
    Some(String::from_utf8_lossy(&told.stdout).trim().to_owned())
}

/// Starts it on a free port.
pub(super) fn start() -> io::Result<(Child, SocketAddr)> {
    // The port is free again as soon as this listener is gone; nobody else is likely to take it.
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
    let port = address.port().to_string();
    let child = Command::new(PROGRAM)
        .args(["-u", "nobody", "-l", "127.0.0.1", "-p", &port, "-U", "0", "-t", "2", "-c", "1024"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok((child, address))
}

/// A user's connection.
pub(super) struct User {
    stream: TcpStream,
    unsent: Vec<u8>,
    bytes: Vec<u8>,
    /// Up to where they have been read.
    read: usize,
    /// The requests that are under way, the oldest first: it answers in order.
    asked: VecDeque<Asked>,
}

impl User {
    /// Connects; tries it for a while, since it was just started.
    pub(super) async fn connect(address: SocketAddr) -> Result<User, UserError> {
        const PAUSE: Duration = Duration::from_millis(20);
        const TRIES: u32 = 100;
        let mut tries = 0;
        let stream = loop {
            match TcpStream::connect(address).await {
                Ok(stream) => break stream,
                Err(error) if tries == TRIES => {
                    return Err(UserError::Connect { address, error });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
            tries += 1;
        };
        stream.set_nodelay(true)?;
        let (unsent, bytes, asked) = (Vec::new(), Vec::new(), VecDeque::new());
        Ok(User { stream, unsent, bytes, read: 0, asked })
    }

    /// The next line that is whole, without its end.
    fn line(&self, from: usize) -> Option<&[u8]> {
        let rest = self.bytes.get(from..)?;
        let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
        Some(&rest[..end])
    }

    /// The next answer that is whole, and where it ends.
    fn answer(&self, asked: &Asked) -> Option<(Result<String, String>, usize)> {
        const END: &str = "\r\n";
        let first = self.line(self.read)?;
        let after = self.read + first.len() + END.len();
        let text = String::from_utf8_lossy(first).into_owned();
        if asked.is_put {
            let outcome = if text == "STORED" { Ok(text) } else { Err(text) };
            return Some((outcome, after));
        }
        if text == "END" {
            return Some((Ok(String::new()), after));
        }
        let length: Option<usize> = text.rsplit(' ').next().and_then(|last| last.parse().ok());
        let Some(length) = length.filter(|_| text.starts_with("VALUE ")) else {
            return Some((Err(text), after));
        };
        let value = self.bytes.get(after..after + length)?;
        let value = String::from_utf8_lossy(value).into_owned();
        let after = after + length + END.len();
        let last = self.line(after)?;
        Some((Ok(value), after + last.len() + END.len()))
    }
}

impl Asks for User {
    fn put(&mut self, asked: Asked) -> Result<(), UserError> {
        let Asked { number, key, is_put } = asked;
        let text = match is_put {
            true => {
                let value = format!("value {number}");
                format!("set key-{key} 0 0 {}\r\n{value}\r\n", value.len())
            }
            false => format!("get key-{key}\r\n"),
        };
        self.unsent.extend(text.into_bytes());
        self.asked.push_back(asked);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), UserError> {
        self.stream.write_all(&self.unsent).await?;
        self.unsent.clear();
        Ok(())
    }

    async fn receive(&mut self) -> Result<Response, UserError> {
        loop {
            if let Some(response) = self.came() {
                return Ok(response);
            }
            self.bytes.drain(..self.read);
            self.read = 0;
            if self.stream.read_buf(&mut self.bytes).await? == 0 {
                return Err(UserError::Closed);
            }
        }
    }

    fn came(&mut self) -> Option<Response> {
        let (outcome, read) = self.answer(self.asked.front()?)?;
        self.read = read;
        let Asked { number, .. } = self.asked.pop_front()?;
        Some(Response { number, outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a user with these requests under way makes of bytes that came.
    async fn read(asked: &[bool], came: &str) -> Vec<Result<String, String>> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let mut user = User::connect(address).await.expect("it listens");
        for (number, is_put) in (0..).zip(asked) {
            user.put(Asked { number, key: number, is_put: *is_put }).expect("it fits");
        }
        user.bytes = came.into();
        std::iter::from_fn(|| user.came()).map(|response| response.outcome).collect()
    }

    #[test]
    fn answers_are_read_in_the_order_of_the_requests_and_only_whole() {
        let runtime = super::super::super::client::runtime().expect("it can be had");
        runtime.block_on(async {
            let asked = [true, false, false, true, false];
            let ok = |text: &str| Ok(text.to_owned());
            let came = "STORED\r\nVALUE key-1 0 9\r\nEND\r\nvalu\r\nEND\r\nEND\r\nERROR\r\nVALUE k";
            let told = [ok("STORED"), ok("END\r\nvalu"), ok(""), Err("ERROR".to_owned())];
            assert_eq!(read(&asked, came).await, told);
            assert_eq!(read(&[false], "VALUE key-1 0 5\r\nvalue\r\nEN").await, []);
        });
    }
}
