//! How a configuration begins: new replicas with new keys take the state, clients hear of them, and
//! when t + 1 of the new ones have the state, the old ones are stopped.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::messages::Message;
use super::super::notes::{Dropped, Note};
use super::super::rules::Rules;
use super::super::statements::*;
use super::super::{Out, Timer};
use super::{Service, State};
use crate::crypto::Signed;
use crate::identity::Identity;

/// The newest change of configuration.
#[derive(Clone, Debug)]
pub(super) struct Succession<R: Rules> {
    announcement: Arc<Signed<NewConfiguration<R::Object>>>,
    acknowledged: BTreeSet<u32>,
    timeout_ns: u64,
}

impl<R: Rules> Service<R> {
    /// Makes the next configuration, gives its replicas their state, and tells all clients.
    pub(super) fn succeed(&mut self, state: State<R>, out: &mut Out<R>) {
        let configuration = self.current.body().number + 1;
        self.make_configuration(configuration, None, out);
        let body = NewConfiguration { configuration, state };
        let announcement = Arc::new(Signed::seal(body, &self.key, out.notary()));
        self.succession = Some(Succession {
            announcement,
            acknowledged: BTreeSet::new(),
            timeout_ns: self.settings.olympus_timeout_ns,
        });
        self.announce(out);
        for client in 0..self.clients.len() as u32 {
            self.tell_configuration(client, out);
        }
        self.without_keys.clear();
    }

    /// Gives the state to all new replicas that have not acknowledged it, and waits.
    fn announce(&self, out: &mut Out<R>) {
        let Some(succession) = &self.succession else {
            return;
        };
        let number = self.current.body().number;
        for position in 0..self.current.body().size() as u32 {
            if !succession.acknowledged.contains(&position) {
                let to = Identity::replica(number, position);
                out.send(to, Message::NewConfiguration(succession.announcement.clone()));
            }
        }
        out.set_timer(Timer::Acknowledgements, succession.timeout_ns);
    }

    /// Some have not acknowledged: once more, a little later each time.
    pub(super) fn on_acknowledgements_timeout(&mut self, out: &mut Out<R>) {
        if let Some(succession) = &mut self.succession {
            succession.timeout_ns = succession.timeout_ns.saturating_mul(2);
            self.announce(out);
        }
    }

    /// A new replica has its state. After t + 1 of them, at least one correct replica has it, and
    /// all older replicas may go.
    pub(super) fn on_acknowledgement(
        &mut self,
        from: Identity,
        configuration: u32,
        out: &mut Out<R>,
    ) -> Option<Dropped> {
        let members = self.current.body();
        let Some(succession) = &mut self.succession else {
            return Some(Dropped::Repeated);
        };
        if configuration != members.number || !members.has(from) {
            return Some(Dropped::OtherConfiguration);
        }
        let position = from.index;
        if !succession.acknowledged.insert(position) {
            return Some(Dropped::Repeated);
        }
        let acknowledged = succession.acknowledged.len();
        out.note(|| Note::Acknowledged { configuration, position, acknowledged });
        if acknowledged == members.size() {
            self.succession = None;
            out.cancel_timer(Timer::Acknowledgements);
        }
        if acknowledged == self.settings.rules.quorum(members.t()) {
            self.stop_older(out);
        }
        None
    }

    /// Stops all replicas of earlier configurations that were not stopped before.
    fn stop_older(&mut self, out: &mut Out<R>) {
        let current = self.current.body().number;
        for configuration in self.stopped..current {
            out.note(|| Note::Stopped { configuration });
            for position in 0..self.settings.replicas() {
                let to = Identity::replica(configuration, position);
                out.send(to, Message::Stop { configuration });
            }
        }
        self.stopped = current;
    }
}
