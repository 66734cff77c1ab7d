//! Olympus: makes configurations and keys, and replaces a configuration when somebody who may asks.
//!
//! [`reconfiguration`] is how a configuration ends, [`succession`] how the next one begins.

mod quorum;
mod reconfiguration;
mod succession;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::messages::{ClientKeys, Message};
use super::notes::{Dropped, Note, NoteName};
use super::rules::{Ignored, Rules};
use super::settings::Settings;
use super::statements::*;
use super::{Answer, Bcr, Birth, Out, ReplicaBirth, Timer};
use crate::crypto::{PublicKey, SecretKey, Signed};
use crate::identity::{Class, Identity};
use crate::object::ReplicatedState;
use crate::process::{Entropy, Field, Input, Message as _};
use reconfiguration::Reconfiguration;
use succession::Succession;

type State<R> = ReplicatedState<<R as Rules>::Object>;

/// Olympus. It makes nothing before it is given entropy.
#[derive(Clone, Debug)]
pub struct Olympus<R: Rules> {
    settings: Settings<R>,
    clients: u32,
    service: Option<Service<R>>,
}

impl<R: Rules> Olympus<R> {
    /// Olympus before it has done anything.
    pub(super) fn new(settings: Settings<R>, clients: u32) -> Olympus<R> {
        Olympus { settings, clients, service: None }
    }

    pub(super) fn handle(&mut self, input: Input<Bcr<R>>, out: &mut Out<R>) {
        match (input, &mut self.service) {
            (Input::Start { entropy }, service) => {
                *service = Some(Service::open(self.settings, self.clients, entropy, out));
            }
            // It never fails, by assumption; another one in its place would have other keys.
            (Input::Restart { .. }, _) => out.stop(),
            (Input::Message { from, message }, Some(service)) => {
                service.receive(from, message, out);
            }
            (Input::Timer(timer), Some(service)) => service.expire(timer, out),
            (Input::Command { ticket, .. }, _) => out.answer(ticket, Answer::NotAClient),
            _ => {}
        }
    }

    pub(super) fn look(&self) -> Vec<Field> {
        self.service.as_ref().map_or_else(Vec::new, Service::look)
    }
}

/// Olympus at work.
#[derive(Clone, Debug)]
struct Service<R: Rules> {
    settings: Settings<R>,
    entropy: Entropy,
    key: SecretKey,
    clients: Vec<Arc<ClientKeys>>,
    current: Arc<Signed<Configuration>>,
    /// The one under way.
    reconfiguration: Option<Reconfiguration<R::Object>>,
    /// The newest one, until all new replicas have their state.
    succession: Option<Succession<R>>,
    /// The replicas of all configurations below this one were stopped.
    stopped: u32,
    /// Clients that have asked for their keys and were not answered yet.
    without_keys: BTreeSet<u32>,
}

impl<R: Rules> Service<R> {
    /// Makes all keys and the first configuration.
    fn open(settings: Settings<R>, clients: u32, entropy: Entropy, out: &mut Out<R>) -> Service<R> {
        let (key, olympus) = out.notary().keys(&entropy, Identity::OLYMPUS);
        let client_keys = |number| {
            let (own, _) = out.notary().keys(&entropy, Identity::client(number));
            Arc::new(ClientKeys { own, olympus })
        };
        let clients: Vec<_> = (0..clients).map(client_keys).collect();
        let client_keys = clients.iter().map(|keys| keys.own.public_key()).collect();
        let none = Configuration { number: 0, replicas: Vec::new(), clients: client_keys };
        let current = Arc::new(Signed::seal(none, &key, out.notary()));
        let mut service = Service {
            settings,
            entropy,
            key,
            clients,
            current,
            reconfiguration: None,
            succession: None,
            stopped: 0,
            without_keys: BTreeSet::new(),
        };
        service.make_configuration(0, Some(ReplicatedState::default()), out);
        service
    }

    /// Makes the keys of a configuration and spawns its replicas, with this state or without one.
    fn make_configuration(
        &mut self,
        number: u32,
        state: Option<ReplicatedState<R::Object>>,
        out: &mut Out<R>,
    ) {
        let size = self.settings.replicas();
        let keys: Vec<(SecretKey, PublicKey)> = (0..size)
            .map(|place| out.notary().keys(&self.entropy, Identity::replica(number, place)))
            .collect();
        let replicas = keys.iter().map(|(_, public)| *public).collect();
        let clients = self.current.body().clients.clone();
        let configuration = Configuration { number, replicas, clients };
        self.current = Arc::new(Signed::seal(configuration, &self.key, out.notary()));
        out.note(|| Note::ConfigurationMade { configuration: number, replicas: size as usize });
        for (key, _) in keys {
            let identity = key.owner();
            let birth = ReplicaBirth {
                settings: self.settings,
                key,
                configuration: self.current.clone(),
                olympus: self.key.public_key(),
                state: state.clone(),
            };
            out.spawn(identity, Birth::Replica(Box::new(birth)));
        }
    }

    fn receive(&mut self, from: Identity, message: Message<R::Object>, out: &mut Out<R>) {
        let kind = message.kind();
        let dropped = match message {
            Message::GetConfiguration { known } => self.on_get_configuration(from, known, out),
            Message::ReconfigurationRequest(plea) => self.on_plea(from, &plea, out),
            Message::Wedged(wedged) => self.on_wedged(from, wedged, out),
            Message::CaughtUp(told) => self.on_caught_up(from, told, out),
            Message::RunningState(running) => self.on_running_state(from, &running, out),
            Message::Acknowledgement { configuration } => {
                self.on_acknowledgement(from, configuration, out)
            }
            _ => Some(Dropped::Unasked),
        };
        if let Some(why) = dropped {
            out.note(|| Note::Dropped { kind: NoteName(kind), from, why });
        }
    }

    fn expire(&mut self, timer: Timer, out: &mut Out<R>) {
        match timer {
            Timer::Step => self.on_step_timeout(out),
            Timer::Acknowledgements => self.on_acknowledgements_timeout(out),
            _ => {}
        }
    }

    /// A client asks for the configuration. During a reconfiguration the answer is the new one,
    /// which all clients are told then.
    fn on_get_configuration(
        &mut self,
        from: Identity,
        known: Option<u32>,
        out: &mut Out<R>,
    ) -> Option<Dropped> {
        let is_client = from.class == Class::Client && from.configuration == 0;
        if !is_client || from.index as usize >= self.clients.len() {
            return Some(Dropped::WrongSender);
        }
        if known.is_none() {
            self.without_keys.insert(from.index);
        }
        if self.reconfiguration.is_none() {
            self.tell_configuration(from.index, out);
            self.without_keys.remove(&from.index);
        }
        None
    }

    fn tell_configuration(&self, client: u32, out: &mut Out<R>) {
        let wants_keys = self.without_keys.contains(&client);
        let keys = wants_keys.then(|| self.clients[client as usize].clone());
        let configuration = self.current.clone();
        out.send(Identity::client(client), Message::Configuration { configuration, keys });
    }

    /// Somebody asks for a reconfiguration.
    fn on_plea(&mut self, from: Identity, plea: &Plea, out: &mut Out<R>) -> Option<Dropped> {
        let ReconfigurationRequest { configuration, reason } = *plea.request.body();
        let granted = self.settings.rules.grants(self.current.body(), from, plea, out.notary());
        match granted {
            Ok(()) if self.reconfiguration.is_none() => {
                let asked_by = from;
                out.note(|| Note::ReconfigurationBegins { configuration, asked_by, reason });
                self.reconfiguration = Some(Reconfiguration::new());
                self.request_wedges(out);
                out.set_timer(Timer::Step, self.settings.olympus_timeout_ns);
            }
            Ok(()) => self.ignore(from, plea, Ignored::UnderWay, out),
            Err(why) => self.ignore(from, plea, why, out),
        }
        if from.class == Class::Replica && from.configuration < self.stopped {
            let configuration = from.configuration;
            out.send(from, Message::Stop { configuration });
        }
        None
    }

    fn ignore(&self, from: Identity, plea: &Plea, why: Ignored, out: &mut Out<R>) {
        let ReconfigurationRequest { configuration, reason } = *plea.request.body();
        out.note(|| Note::ReconfigurationRequestIgnored { from, configuration, reason, why });
    }

    fn look(&self) -> Vec<Field> {
        vec![
            Field::new("configuration", self.current.body().number),
            Field::new("clients", self.clients.len()),
            Field::new("attempt", self.reconfiguration.as_ref().map_or(0, |r| r.attempts())),
            Field::new(
                "state",
                if self.reconfiguration.is_some() { "replacing" } else { "at rest" },
            ),
        ]
    }
}
