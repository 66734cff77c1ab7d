//! What a user's client and the gateway say to each other, and the client's side of it.
//!
//! Frames over TCP, in postcard: first the client's [`Hello`], then [`Request`]s with an operation
//! in its text form, each answered with a [`Response`] of the same number. A client need not wait
//! before it asks again; requests that are under way together may take effect in any order.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::wire;

use super::frame::{self, FrameError, Frames};

/// The version of what clients and the gateway say.
pub const FORMAT: u32 = 1;

/// The longest request or response.
pub const LONGEST: usize = 1 << 20;

/// What a client says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Always `perjury`.
    pub name: [u8; 7],
    /// The version of all that follows: [`FORMAT`].
    pub format: u32,
}

impl Hello {
    /// Of this version.
    pub const OWN: Hello = Hello { name: *b"perjury", format: FORMAT };
}

/// A client asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Comes back with the response.
    pub number: u64,
    /// An operation in its text form: `put('k','v')`.
    pub operation: String,
}

/// The gateway answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The request's.
    pub number: u64,
    /// The result; or why there is none, with what to do about it.
    pub outcome: Result<String, String>,
}

/// Why a user's client has no answer.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// Nobody listens there.
    #[error("{address}: {error}; start a cluster with `perjury serve`, and give its address")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// Why.
        error: std::io::Error,
    },
    /// Nothing came in time.
    #[error("no answer in {0:?}; the cluster may have lost too many nodes")]
    TooSlow(Duration),
    /// The connection broke.
    #[error("the connection broke: {0}; is the cluster still running?")]
    Io(#[from] std::io::Error),
    /// A request is too long.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// What came is no response.
    #[error("what answers there is no gateway of perjury; give the address that `serve` calls so")]
    Stranger,
    /// The gateway has closed the connection.
    #[error("the gateway closed the connection; is the cluster still running?")]
    Closed,
}

/// Puts a value into a frame.
pub(super) fn put<T: Serialize>(to: &mut Vec<u8>, value: &T) -> Result<(), FrameError> {
    frame::put(to, LONGEST, |to| wire::encode_to(to, value))
}

/// A user's connection to the gateway.
#[derive(Debug)]
pub struct User {
    stream: TcpStream,
    frames: Frames,
    came: VecDeque<Response>,
    next: u64,
    unsent: Vec<u8>,
}

impl User {
    /// Connects, and says what it speaks.
    ///
    /// # Errors
    ///
    /// If nobody listens there.
    pub async fn connect(address: SocketAddr) -> Result<User, UserError> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|error| UserError::Connect { address, error })?;
        stream.set_nodelay(true)?;
        let mut unsent = Vec::new();
        put(&mut unsent, &Hello::OWN)?;
        let frames = Frames::within(LONGEST);
        let mut user = User { stream, frames, came: VecDeque::new(), next: 0, unsent };
        // At once, however long it takes until there is something to ask: who does not greet is a
        // stranger.
        user.flush().await?;
        Ok(user)
    }

    /// Asks for an operation in its text form; returns the number of the request.
    ///
    /// # Errors
    ///
    /// If it cannot be sent.
    pub async fn send(&mut self, operation: impl Into<String>) -> Result<u64, UserError> {
        let number = self.put(operation)?;
        self.flush().await?;
        Ok(number)
    }

    /// Asks, when [`User::flush`] says so, together with what was put before.
    ///
    /// # Errors
    ///
    /// If it is too long.
    pub fn put(&mut self, operation: impl Into<String>) -> Result<u64, UserError> {
        let number = self.next;
        self.next += 1;
        self.put_as(number, operation.into())?;
        Ok(number)
    }

    /// The same under a number that whoever asks has chosen.
    pub(super) fn put_as(&mut self, number: u64, operation: String) -> Result<(), UserError> {
        put(&mut self.unsent, &Request { number, operation })?;
        Ok(())
    }

    /// Sends what was put.
    ///
    /// # Errors
    ///
    /// If it cannot be sent.
    pub async fn flush(&mut self) -> Result<(), UserError> {
        self.stream.write_all(&self.unsent).await?;
        self.unsent.clear();
        Ok(())
    }

    /// A response that has come already.
    pub fn came(&mut self) -> Option<Response> {
        self.came.pop_front()
    }

    /// Waits for the next response. May be given up at any time; nothing is lost.
    ///
    /// # Errors
    ///
    /// If none comes any more.
    pub async fn receive(&mut self) -> Result<Response, UserError> {
        let mut bytes = [0; 4096];
        loop {
            if let Some(response) = self.came.pop_front() {
                return Ok(response);
            }
            let count = self.stream.read(&mut bytes).await?;
            if count == 0 {
                return Err(UserError::Closed);
            }
            self.frames.feed(&bytes[..count]);
            while let Some(frame) = self.frames.next().map_err(|_| UserError::Stranger)? {
                let response = wire::decode(frame, LONGEST).map_err(|_| UserError::Stranger)?;
                self.came.push_back(response);
            }
        }
    }

    /// Asks, and waits for the answer: the result, or why there is none.
    ///
    /// # Errors
    ///
    /// If no answer comes in time.
    pub async fn ask(
        &mut self,
        operation: impl Into<String>,
        patience: Duration,
    ) -> Result<Result<String, String>, UserError> {
        let ask = async {
            let number = self.send(operation).await?;
            loop {
                let response = self.receive().await?;
                if response.number == number {
                    return Ok(response.outcome);
                }
            }
        };
        tokio::time::timeout(patience, ask).await.unwrap_or(Err(UserError::TooSlow(patience)))
    }
}
