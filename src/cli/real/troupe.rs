//! The programs of a run's nodes: started, given orders, and never left alone.
//!
//! Each reads its orders from a pipe and ends when that is closed, so none outlives this program,
//! however it ends.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::net::{NodeNumber, Peer, Standing};

use super::words::{Order, Word};

/// How long a node may take to answer an order: it may be one of many on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// How much of what a node says on standard error is kept.
const COMPLAINTS: usize = 1 << 16;

/// Why nodes do not play on.
#[derive(Debug, thiserror::Error)]
pub(super) enum TroupeError {
    /// This program cannot be started once more.
    #[error("this program cannot be started for a node: {0}; check the limits on processes")]
    Start(io::Error),
    /// A node has ended and was not told to.
    #[error("node {number} {how}{said}")]
    Gone {
        /// Which.
        number: NodeNumber,
        /// How.
        how: String,
        /// What it said before.
        said: Said,
    },
    /// It does not answer.
    #[error("node {0} has not answered for {PATIENCE:?}; does something hold it up?")]
    Silent(NodeNumber),
    /// Not all of them have begun.
    #[error("the nodes have not found each other in a minute; is the machine overloaded?")]
    Apart,
    /// It answers something else.
    #[error("node {0} said what no node says: {1}; is this program being replaced?")]
    Strange(NodeNumber, String),
}

/// What a node said on standard error.
#[derive(Debug, Default)]
pub(super) struct Said(String);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.trim_end() {
            "" => f.write_str("; it said nothing"),
            said => write!(f, "; it said:\n{said}"),
        }
    }
}

/// The program of one node.
struct Player {
    number: NodeNumber,
    child: Child,
    orders: ChildStdin,
    words: Lines<BufReader<ChildStdout>>,
    complaints: JoinHandle<Said>,
}

/// All of them, in the order of their numbers.
pub(super) struct Troupe(Vec<Player>);

impl Troupe {
    /// Starts the programs of so many nodes.
    pub(super) fn start(nodes: NodeNumber) -> Result<Troupe, TroupeError> {
        let program = std::env::current_exe().map_err(TroupeError::Start)?;
        let players = (0..nodes).map(|number| Player::start(&program, number));
        players.collect::<Result<_, _>>().map(Troupe)
    }

    /// Gives each its part, and tells all of them of each other. Time begins so long afterwards.
    pub(super) async fn begin(
        &mut self,
        scenario: &str,
        folder: &Path,
        opening: Duration,
        now_ns: impl FnOnce() -> u64,
    ) -> Result<(), TroupeError> {
        for player in &mut self.0 {
            let (number, scenario) = (player.number, scenario.to_owned());
            let folder = folder.join(format!("node-{number}"));
            player.order(&Order::Take { number, scenario, folder }).await?;
        }
        let mut nodes: Vec<Peer> = Vec::new();
        for player in &mut self.0 {
            match player.word().await? {
                Word::Here(peer) => nodes.push(peer),
                word => return Err(player.strange(&word)),
            }
        }
        let origin_ns = now_ns().saturating_add(opening.as_nanos() as u64);
        for player in &mut self.0 {
            player.order(&Order::Play { nodes: nodes.clone(), origin_ns }).await?;
        }
        for player in &mut self.0 {
            match player.word().await? {
                Word::Plays => {}
                word => return Err(player.strange(&word)),
            }
        }
        Ok(())
    }

    /// How all of them stand.
    pub(super) async fn standings(&mut self) -> Result<Vec<Standing>, TroupeError> {
        for player in &mut self.0 {
            player.order(&Order::Tell).await?;
        }
        let mut standings = Vec::with_capacity(self.0.len());
        for player in &mut self.0 {
            match player.word().await? {
                Word::Stands(standing) => standings.push(standing),
                word => return Err(player.strange(&word)),
            }
        }
        Ok(standings)
    }

    /// Ends all of them, and waits for that.
    pub(super) async fn stop(mut self) -> Result<(), TroupeError> {
        for player in &mut self.0 {
            player.order(&Order::Stop).await?;
        }
        for mut player in self.0 {
            match player.word().await? {
                Word::Stopped => {}
                word => return Err(player.strange(&word)),
            }
            player.end().await?;
        }
        Ok(())
    }
}

impl Player {
    fn start(program: &Path, number: NodeNumber) -> Result<Player, TroupeError> {
        let mut command = Command::new(program);
        command.arg("part").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        // Ctrl-C is for the one who gives orders.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(TroupeError::Start)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(orders), Some(words), Some(complaints)) = pipes else {
            return Err(TroupeError::Start(io::Error::other("it has no pipes")));
        };
        let (words, complaints) = (BufReader::new(words).lines(), tokio::spawn(listen(complaints)));
        Ok(Player { number, child, orders, words, complaints })
    }

    async fn order(&mut self, order: &Order) -> Result<(), TroupeError> {
        let mut line = serde_json::to_vec(order).map_err(|e| TroupeError::Start(e.into()))?;
        line.push(b'\n');
        // It is small, and read at once.
        match tokio::time::timeout(PATIENCE, self.orders.write_all(&line)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.gone().await),
            Err(_) => Err(TroupeError::Silent(self.number)),
        }
    }

    async fn word(&mut self) -> Result<Word, TroupeError> {
        match tokio::time::timeout(PATIENCE, self.words.next_line()).await {
            Ok(Ok(Some(line))) => {
                serde_json::from_str(&line).map_err(|_| TroupeError::Strange(self.number, line))
            }
            Ok(_) => Err(self.gone().await),
            Err(_) => Err(TroupeError::Silent(self.number)),
        }
    }

    /// Waits for a node that was told to end.
    async fn end(mut self) -> Result<(), TroupeError> {
        drop(self.orders);
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(status) => {
                let (number, how) = (self.number, how(status.ok()));
                let said = self.complaints.await.unwrap_or_default();
                Err(TroupeError::Gone { number, how, said })
            }
            Err(_) => Err(TroupeError::Silent(self.number)),
        }
    }

    /// What is to be said of a node that ended untold.
    async fn gone(&mut self) -> TroupeError {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let how = how(status.ok().and_then(Result::ok));
        let said = tokio::time::timeout(PATIENCE, &mut self.complaints).await;
        let said = said.ok().and_then(Result::ok).unwrap_or_default();
        TroupeError::Gone { number: self.number, how, said }
    }

    fn strange(&self, word: &Word) -> TroupeError {
        TroupeError::Strange(self.number, format!("{word:?}"))
    }
}

fn how(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => format!("has ended in the middle of the run ({status})"),
        None => "does not listen any more".to_owned(),
    }
}

/// Keeps the last of what a node says, up to its end.
async fn listen(mut complaints: ChildStderr) -> Said {
    let (mut kept, mut bytes) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = complaints.read(&mut bytes).await {
        kept.extend_from_slice(&bytes[..count]);
        let surplus = kept.len().saturating_sub(COMPLAINTS);
        kept.drain(..surplus);
    }
    Said(String::from_utf8_lossy(&kept).into_owned())
}
