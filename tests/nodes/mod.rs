//! Nodes of a cluster that are programs of their own: as tests start them, hurt them and end them.

#![allow(dead_code, reason = "every test uses a part of it")]

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

/// How long anything may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A node at work. Dropped, it is killed.
pub(super) struct Node {
    child: Child,
    told: PathBuf,
}

impl Node {
    /// Starts one by this command; what it tells is written there.
    pub(super) fn start(mut command: Command, told: PathBuf) -> Node {
        let file = File::create(&told).expect("it can be made");
        command
            .env("NO_COLOR", "1")
            .stdout(file.try_clone().expect("it can be written by both"))
            .stderr(file)
            .stdin(Stdio::null());
        Node { child: command.spawn().expect("it starts"), told }
    }

    /// What it has told so far.
    pub(super) fn told(&self) -> String {
        fs::read_to_string(&self.told).expect("it was made")
    }

    /// The number of its program.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it has told this; returns how long that took.
    pub(super) async fn tells(&self, words: &str) -> Duration {
        let began = Instant::now();
        self.tells_again(words, 1).await;
        began.elapsed()
    }

    /// Waits until it has told this so often.
    pub(super) async fn tells_again(&self, words: &str, times: usize) {
        let began = Instant::now();
        while self.told().matches(words).count() < times {
            assert!(began.elapsed() < PATIENCE, "not {times} times {words:?} in {}", self.told());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends it a signal: `-STOP`.
    pub(super) fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.expect("there is kill").success());
    }

    /// As if its machine were gone.
    pub(super) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Tells it to stop, which it does in order.
    pub(super) fn stop(&mut self) {
        self.signal("-TERM");
        let status = self.child.wait().expect("it ends");
        assert_eq!(status.code(), Some(0), "{}", self.told());
        assert!(self.told().contains("\nstopped   "), "{}", self.told());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
