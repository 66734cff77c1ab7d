//! What a cluster must know of a protocol to serve users with it.

use std::fmt::Debug;

use crate::identity::Identity;
use crate::object::{Operation, Workload};
use crate::process::Protocol;
use crate::protocol::bcr::{self, Bcr, Birth, Rules};
use crate::protocol::solo::{self, Solo};
use crate::protocol::{Answer, Command};
use crate::run::cluster::knobs;
use crate::scenario;

/// A protocol that serves users: its client processes can be asked for operations.
pub trait Served: Protocol {
    /// Its knobs.
    type Settings: Clone + Debug + Send + Sync + 'static;

    /// Whether a cluster can be made with these knobs.
    ///
    /// # Errors
    ///
    /// If not: why, with what to do about it.
    fn check(settings: &Self::Settings) -> Result<(), String>;

    /// How many replicas work at a time.
    fn replicas(settings: &Self::Settings) -> u32;

    /// Who lives from the beginning, from which births: a client for each of these workloads among
    /// them. All others are made by these.
    fn founders(
        settings: &Self::Settings,
        workloads: Vec<Workload>,
    ) -> Vec<(Identity, Self::Birth)>;

    /// What scenarios have for it: what is run, for those who replay and judge a recording.
    fn scenario(settings: &Self::Settings) -> scenario::Protocol;

    /// The command that asks for an operation.
    fn command(operation: Operation) -> Self::Command;

    /// What a user is told.
    ///
    /// # Errors
    ///
    /// If the operation was not carried out: why, with what to do about it.
    fn result(answer: Self::Answer) -> Result<String, String>;
}

/// What a user is told.
fn told(answer: Answer) -> Result<String, String> {
    match answer {
        Answer::Result(reply) => Ok(reply.to_string()),
        Answer::Busy => Err("too many requests wait; ask again later".to_owned()),
        Answer::NotAClient => {
            Err("this was given to a process that executes nothing; serve again".to_owned())
        }
    }
}

impl<R: Rules> Served for Bcr<R> {
    type Settings = bcr::Settings<R>;

    fn check(settings: &bcr::Settings<R>) -> Result<(), String> {
        const MOST_T: u32 = 20;
        match settings.t {
            0..=MOST_T => Ok(()),
            t => Err(format!("t = {t}; take 0 to {MOST_T}")),
        }
    }

    fn replicas(settings: &bcr::Settings<R>) -> u32 {
        settings.replicas()
    }

    fn founders(
        &settings: &bcr::Settings<R>,
        workloads: Vec<Workload>,
    ) -> Vec<(Identity, Birth<R>)> {
        let clients = workloads.len() as u32;
        let olympus = (Identity::OLYMPUS, Birth::Olympus { settings, clients });
        let clients = (0..).zip(workloads).map(|(number, workload)| {
            (Identity::client(number), Birth::Client { settings, number, workload })
        });
        std::iter::once(olympus).chain(clients).collect()
    }

    fn scenario(settings: &bcr::Settings<R>) -> scenario::Protocol {
        scenario::Protocol::Bcr(knobs(settings))
    }

    fn command(operation: Operation) -> Command {
        Command::Ask(operation)
    }

    fn result(answer: Answer) -> Result<String, String> {
        told(answer)
    }
}

impl Served for Solo {
    type Settings = solo::Settings;

    fn check(_: &solo::Settings) -> Result<(), String> {
        Ok(())
    }

    fn replicas(_: &solo::Settings) -> u32 {
        1
    }

    fn founders(
        &settings: &solo::Settings,
        workloads: Vec<Workload>,
    ) -> Vec<(Identity, solo::Birth)> {
        let clients = (0..).zip(workloads).map(|(number, workload)| {
            (Identity::client(number), solo::Birth::Client { settings, number, workload })
        });
        std::iter::once((solo::SERVER, solo::Birth::Server)).chain(clients).collect()
    }

    fn scenario(settings: &solo::Settings) -> scenario::Protocol {
        scenario::Protocol::Solo(scenario::Solo { client_timeout_ns: settings.timeout_ns })
    }

    fn command(operation: Operation) -> Command {
        Command::Ask(operation)
    }

    fn result(answer: Answer) -> Result<String, String> {
        told(answer)
    }
}
