//! `perjury part`: the program of one node, for `perjury run --real`.

use std::io::{self, BufRead as _, Write as _};
use std::sync::{Arc, OnceLock};

use crate::net::{Acting, Notice, Notices, Part};
use crate::scenario;

use super::super::shell::Shell;
use super::super::{Exit, Failure, Outcome};
use super::words::{Order, Word};

/// Play a node's part in a run on real sockets, as standard input says; ends when that does.
#[derive(clap::Args)]
pub(in crate::cli) struct Args;

pub(in crate::cli) fn part(_: &Args, shell: &mut Shell) -> Outcome {
    let mut stage = Stage::Empty;
    // Whoever gives orders may be gone, and then this ends too.
    for line in io::stdin().lock().lines() {
        let order = serde_json::from_str(&line?).map_err(io::Error::other)?;
        let (word, next) = stage.follow(order)?;
        stage = next;
        writeln!(shell, "{}", serde_json::to_string(&word).map_err(io::Error::other)?)?;
        shell.flush()?;
    }
    Ok(Exit::Held)
}

/// How far it has come.
enum Stage {
    Empty,
    Taken(Box<Part>),
    /// With why a recording lacks, if one does.
    Playing(Box<Acting>, Arc<OnceLock<String>>),
}

impl Stage {
    fn follow(self, order: Order) -> Result<(Word, Stage), Failure> {
        match (order, self) {
            (Order::Take { number, scenario, folder }, Stage::Empty) => {
                let reading = scenario::read("scenario", scenario.as_bytes(), &Default::default());
                let wrong = || reading.diagnostics.iter().map(|found| found.compact()).collect();
                let scenario = reading.scenario.ok_or_else(|| Failure::Usage(wrong()))?;
                let part = Part::take(scenario, number, folder).map_err(broken)?;
                Ok((Word::Here(part.peer().clone()), Stage::Taken(Box::new(part))))
            }
            (Order::Play { nodes, origin_ns }, Stage::Taken(part)) => {
                let lack = Arc::<OnceLock<String>>::default();
                let ear = lack.clone();
                let notices = Notices::to(move |notice| {
                    if let Notice::Unrecorded { .. } = notice {
                        // The first tells enough.
                        let _ = ear.set(notice.to_string());
                    }
                    // Where nobody listens, nothing is said.
                    let _ = writeln!(io::stderr(), "{notice}");
                });
                let acting = part.play(nodes, origin_ns, notices).map_err(broken)?;
                Ok((Word::Plays, Stage::Playing(Box::new(acting), lack)))
            }
            (Order::Tell, Stage::Playing(acting, lack)) => {
                let standing = acting.standing();
                let gone = || Failure::Usage("the node has ended by itself".to_owned());
                let standing = standing.ok_or_else(gone)?;
                recorded(&lack)?;
                Ok((Word::Stands(standing), Stage::Playing(acting, lack)))
            }
            (Order::Stop, Stage::Playing(acting, lack)) => {
                acting.stop().map_err(broken)?;
                recorded(&lack)?;
                Ok((Word::Stopped, Stage::Empty))
            }
            (order, _) => Err(Failure::Usage(format!("it is not the time for {order:?}"))),
        }
    }
}

/// What is not whole on record cannot be judged.
fn recorded(lack: &OnceLock<String>) -> Result<(), Failure> {
    lack.get().map_or(Ok(()), |why| Err(Failure::Usage(why.clone())))
}

fn broken(error: impl std::error::Error) -> Failure {
    Failure::Usage(error.to_string())
}
