//! `perjury keys`: makes the key of a node.

use std::io::Write as _;
use std::path::PathBuf;

use crate::net;

use super::shell::Shell;
use super::{Exit, Failure, Outcome};

/// Make the key of a node, and print the half that the other nodes must know.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  perjury keys host1.key              make it; prints the line for the cluster's file
  perjury keys host1.key --show       print the line again

The file can be read by its owner alone. It stays on the machine of its node; whoever has it can
pass for the node. What is printed is no secret.")]
pub(super) struct Args {
    /// Where the key is kept.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Make no key; show the public half of the one that is there.
    #[arg(long, conflicts_with = "force")]
    show: bool,
    /// Write over a key that is there.
    #[arg(long)]
    force: bool,
}

pub(super) fn keys(args: &Args, shell: &mut Shell) -> Outcome {
    let secret = match args.show {
        true => net::read_key(&args.file),
        false => net::make_key(&args.file, args.force),
    };
    let secret = secret.map_err(|error| Failure::Usage(error.to_string()))?;
    writeln!(shell, "key = \"{}\"", secret.public())?;
    Ok(Exit::Held)
}
