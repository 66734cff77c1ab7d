//! How triggers and failures are written, and the other spellings that people use for them.

use std::ops::Range;
use std::str::FromStr;

use super::{Failure, Trigger};
use crate::choice::Name;
use crate::protocol::bcr::messages::kind;
use crate::syntax::{self, Call, SyntaxError};

/// A trigger or failure, and how it was spelled if not by its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelled<T> {
    /// What it is.
    pub value: T,
    /// The name as written, where it is another than the value's.
    pub alias: Option<String>,
}

/// Why a call is no trigger or no failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError<T> {
    /// The part that is wrong.
    pub span: Range<usize>,
    /// What is wrong with it.
    pub message: String,
    /// What to write instead.
    pub help: String,
    /// What was clearly meant, if that is clear.
    pub repair: Option<T>,
}

impl<T> CallError<T> {
    fn new(span: Range<usize>, message: String, help: String) -> Self {
        Self { span, message, help, repair: None }
    }
}

/// The name of a trigger that names a client, and how it is made.
type WithClient = (&'static str, fn(u32, u64) -> Trigger);
const WITH_CLIENT: [WithClient; 4] = [
    ("client_request", |client, number| Trigger::ClientRequest { client, number }),
    ("forwarded_request", |client, number| Trigger::ForwardedRequest { client, number }),
    ("shuttle", |client, number| Trigger::Shuttle { client, number }),
    ("result_shuttle", |client, number| Trigger::ResultShuttle { client, number }),
];

/// The name of a trigger that names none, and how it is made.
type WithoutClient = (&'static str, fn(u64) -> Trigger);
const WITHOUT_CLIENT: [WithoutClient; 6] = [
    ("wedge_request", |number| Trigger::WedgeRequest { number }),
    ("new_configuration", |number| Trigger::NewConfiguration { number }),
    ("checkpoint", |number| Trigger::Checkpoint { number }),
    ("completed_checkpoint", |number| Trigger::CompletedCheckpoint { number }),
    ("get_running_state", |number| Trigger::GetRunningState { number }),
    ("catch_up", |number| Trigger::CatchUp { number }),
];

/// The trigger that is any message of a kind.
const RECEIVED: &str = "received";

/// Failures without a number in their brackets.
const PLAIN: [Failure; 19] = [
    Failure::ChangeOperation,
    Failure::ChangeOrder,
    Failure::ChangeResult,
    Failure::LieResult,
    Failure::DropResultStmt,
    Failure::Crash,
    Failure::Drop,
    Failure::IncrementSlot,
    Failure::ExtraOp,
    Failure::InvalidOrderSig,
    Failure::InvalidResultSig,
    Failure::DropCheckptStmts,
    Failure::OmitSend,
    Failure::EarlyReply,
    Failure::EarlyCheckpoint,
    Failure::Equivocate,
    Failure::Replay,
    Failure::LieRunningState,
    Failure::FlipBit,
];

/// Failures with one number, the greatest it may be, and what it counts.
type Counted = (&'static str, u64, &'static str, fn(u64) -> Failure);
const COUNTED: [Counted; 5] = [
    ("truncate_history", u32::MAX as u64, "entries", |n| Failure::TruncateHistory {
        entries: u32::try_from(n).unwrap_or(u32::MAX),
    }),
    ("rollback", u32::MAX as u64, "operations", |n| Failure::Rollback {
        operations: u32::try_from(n).unwrap_or(u32::MAX),
    }),
    ("forge_history", u32::MAX as u64, "entry", |n| Failure::ForgeHistory {
        entry: u32::try_from(n).unwrap_or(u32::MAX),
    }),
    ("omit_history", u32::MAX as u64, "entry", |n| Failure::OmitHistory {
        entry: u32::try_from(n).unwrap_or(u32::MAX),
    }),
    ("sleep", MAX_SLEEP, "milliseconds", |milliseconds| Failure::Sleep { milliseconds }),
];

/// The longest sleep, in milliseconds: it still fits the clock in nanoseconds.
pub const MAX_SLEEP: u64 = u64::MAX / 1_000_000;

/// The names of all triggers.
pub fn trigger_names() -> impl Iterator<Item = &'static str> + Clone {
    let named = WITH_CLIENT.iter().map(|(name, _)| *name);
    named.chain(WITHOUT_CLIENT.iter().map(|(name, _)| *name)).chain([RECEIVED])
}

/// The names of all failures.
pub fn failure_names() -> impl Iterator<Item = &'static str> + Clone {
    PLAIN.iter().map(|failure| failure.name()).chain(COUNTED.iter().map(|(name, ..)| *name))
}

/// How many [`triggers`] there are.
#[cfg(feature = "explore")]
pub(crate) const TRIGGERS: usize = WITH_CLIENT.len() + WITHOUT_CLIENT.len();

/// How many [`failures`] there are.
#[cfg(feature = "explore")]
pub(crate) const FAILURES: usize = PLAIN.len() + COUNTED.len();

/// Every trigger that names a message of the chain, for the first message of the first client.
pub fn triggers() -> impl Iterator<Item = Trigger> {
    let with_client = WITH_CLIENT.iter().map(|(_, make)| make(0, 0));
    with_client.chain(WITHOUT_CLIENT.iter().map(|(_, make)| make(0)))
}

/// Every failure; with 1 in the brackets of those that take a number.
pub fn failures() -> impl Iterator<Item = Failure> {
    PLAIN.into_iter().chain(COUNTED.iter().map(|(.., make)| make(1)))
}

impl Trigger {
    /// The trigger that a call writes, where messages are of these kinds.
    ///
    /// # Errors
    /// An unknown name, or arguments that are not what this trigger takes.
    pub fn from_call(call: &Call, kinds: &[Name]) -> Result<Spelled<Self>, CallError<Self>> {
        let name = resolve(call, trigger_names(), "trigger")?;
        let alias = (call.name != name).then(|| call.name.clone());
        let spelled = |value| Spelled { value, alias: alias.clone() };
        if name == RECEIVED {
            return received(call, kinds).map(spelled);
        }
        if let Some((_, make)) = WITH_CLIENT.iter().find(|(known, _)| *known == name) {
            return with_client(call, name, make).map(spelled);
        }
        let make = WITHOUT_CLIENT.iter().find(|(known, _)| *known == name);
        let make = make.map_or(WITHOUT_CLIENT[0].1, |(_, make)| *make);
        without_client(call, name, make).map(spelled)
    }
}

fn received(call: &Call, kinds: &[Name]) -> Result<Trigger, CallError<Trigger>> {
    let example = kinds.first().map_or("kind", |kind| kind.text());
    let help = || format!("write received(kind,number), for example received({example},0)");
    let [kind, number] = call.arguments.as_slice() else {
        let found = call.arguments.len();
        let message = format!("`received` takes the kind of a message and a number, not {found}");
        return Err(CallError::new(call.span.clone(), message, help()));
    };
    let Some(known) = kinds.iter().find(|known| known.text() == kind.text) else {
        let words = || kinds.iter().map(|kind| kind.text());
        let message = format!("there is no message `{}`", kind.text);
        let help = match syntax::nearest(&snake(&kind.text), words()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the messages are {}", words().collect::<Vec<_>>().join(", ")),
        };
        return Err(CallError::new(kind.span.clone(), message, help));
    };
    Ok(Trigger::Received { kind: *known, number: number_of(number, u64::MAX, help)? })
}

fn with_client(
    call: &Call,
    name: &str,
    make: impl Fn(u32, u64) -> Trigger,
) -> Result<Trigger, CallError<Trigger>> {
    let [client, number] = call.arguments.as_slice() else {
        let found = call.arguments.len();
        return Err(CallError::new(
            call.span.clone(),
            format!("`{name}` takes two numbers, not {found}"),
            format!("write {name}(client,number), both counted from 0"),
        ));
    };
    let help = || format!("write {name}(client,number), both counted from 0");
    let client_number = number_of(client, u64::from(u32::MAX), help)?;
    let client_number = u32::try_from(client_number).unwrap_or(u32::MAX);
    Ok(make(client_number, number_of(number, u64::MAX, help)?))
}

fn without_client(
    call: &Call,
    name: &str,
    make: impl Fn(u64) -> Trigger,
) -> Result<Trigger, CallError<Trigger>> {
    let help = || format!("write {name}(number), counted from 0");
    let (span, message, repair) = match call.arguments.as_slice() {
        [number] => return number_of(number, u64::MAX, help).map(make),
        [] => (call.span.clone(), format!("`{name}` lacks its number"), Some(make(0))),
        [client, number] => {
            let repair = number_of::<Trigger>(number, u64::MAX, help).ok().map(&make);
            (client.span.clone(), format!("`{name}` names no client"), repair)
        }
        more => {
            let message = format!("`{name}` takes one number, not {}", more.len());
            (call.span.clone(), message, None)
        }
    };
    let help = repair.map_or_else(help, |repair| format!("write {repair}"));
    Err(CallError { span, message, help, repair })
}

impl Failure {
    /// The same failure with another number in its brackets, if it has one; at most the greatest
    /// that it takes.
    #[must_use]
    pub fn with_argument(self, number: u64) -> Self {
        let counted = COUNTED.iter().find(|(name, ..)| *name == self.name());
        counted.map_or(self, |(_, most, _, make)| make(number.min(*most)))
    }

    /// The failure that a call writes.
    ///
    /// # Errors
    /// An unknown name, or an argument too many, too few or no number.
    pub fn from_call(call: &Call) -> Result<Spelled<Self>, CallError<Self>> {
        let name = resolve(call, failure_names(), "failure")?;
        let alias = (call.name != name).then(|| call.name.clone());
        let value = match PLAIN.iter().find(|failure| failure.name() == name) {
            Some(failure) => plain(call, *failure)?,
            None => counted(call, name)?,
        };
        Ok(Spelled { value, alias })
    }
}

fn plain(call: &Call, failure: Failure) -> Result<Failure, CallError<Failure>> {
    match call.arguments.first() {
        None => Ok(failure),
        Some(argument) => Err(CallError {
            span: argument.span.clone(),
            message: format!("`{}` takes no argument", failure.name()),
            help: format!("write {failure}"),
            repair: Some(failure),
        }),
    }
}

fn counted(call: &Call, name: &str) -> Result<Failure, CallError<Failure>> {
    let counted = COUNTED.iter().find(|(known, ..)| *known == name);
    let (_, most, unit, make) = counted.copied().unwrap_or(COUNTED[0]);
    let help = || format!("write {name}({unit}), a plain number");
    match call.arguments.as_slice() {
        [number] => number_of(number, most, help).map(make),
        other => {
            let message = format!("`{name}` takes one number, not {}", other.len());
            Err(CallError::new(call.span.clone(), message, help()))
        }
    }
}

fn number_of<T>(
    argument: &syntax::Argument,
    most: u64,
    help: impl Fn() -> String,
) -> Result<u64, CallError<T>> {
    let digits = argument.text.bytes().all(|byte| byte.is_ascii_digit());
    match argument.text.parse() {
        Ok(number) if digits && number <= most => Ok(number),
        Ok(_) if digits => {
            let message = format!("`{}` is more than {most}", argument.text);
            Err(CallError::new(argument.span.clone(), message, help()))
        }
        _ => {
            let message = format!("`{}` is no number from 0 up", argument.text);
            Err(CallError::new(argument.span.clone(), message, help()))
        }
    }
}

/// The proper name for the one written: itself, or what its words stand for.
fn resolve<T>(
    call: &Call,
    known: impl Iterator<Item = &'static str> + Clone,
    what: &str,
) -> Result<&'static str, CallError<T>> {
    let stem = stem(&call.name);
    let same = known.clone().find(|name| *name == call.name);
    if let Some(name) = same.or_else(|| known.clone().find(|name| self::stem(name) == stem)) {
        return Ok(name);
    }
    let message = format!("there is no {what} `{}`", call.name);
    let help = match syntax::nearest(&snake(&call.name), known.clone()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the {what}s are {}", known.collect::<Vec<_>>().join(", ")),
    };
    Err(CallError::new(call.name_span.clone(), message, help))
}

/// A name in small letters with its words parted by `_`, as this project writes names.
#[must_use]
pub fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut previous = '_';
    for c in name.chars() {
        if c.is_uppercase() && previous.is_lowercase() {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
        previous = c;
    }
    snake
}

/// A name with each word in one form, so that different spellings of it are the same.
fn stem(name: &str) -> Vec<String> {
    let snake = snake(name).replace("catchup", "catch_up");
    let words = snake.split('_').filter(|word| !word.is_empty());
    words.map(|word| one_form(word).to_owned()).collect()
}

fn one_form(word: &str) -> &str {
    match word {
        "checkpt" | "chkpt" | "checkpnt" | "chkpnt" | "ckpt" | "cp" => "checkpoint",
        "stmt" | "stmts" | "statement" | "statements" => "stmt",
        "op" | "operation" => "op",
        "sig" | "signature" | "sign" => "sig",
        "config" | "configuration" => "config",
        "req" | "request" => "req",
        "forward" | "forwards" | "forwarded" => "forward",
        "complete" | "completed" => "complete",
        word => word,
    }
}

macro_rules! from_text {
    ($kind:ty, $from_call:expr) => {
        impl FromStr for $kind {
            type Err = SyntaxError;

            fn from_str(text: &str) -> Result<Self, SyntaxError> {
                let found = $from_call(&syntax::call(text)?);
                found.map(|spelled| spelled.value).map_err(|error| SyntaxError {
                    span: error.span,
                    message: error.message,
                    help: error.help,
                })
            }
        }
    };
}

// Of messages those of the built-in protocols are known here.
from_text!(Trigger, |call| Trigger::from_call(call, kind::ALL));
from_text!(Failure, Failure::from_call);

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn said<T: FromStr<Err = SyntaxError> + ToString>(text: &str) -> String {
        match text.parse::<T>() {
            Ok(value) => value.to_string(),
            Err(error) => format!("{:?} {}; {}", error.span, error.message, error.help),
        }
    }

    #[test]
    fn other_spellings_mean_the_same() {
        for text in ["drop_checkpoint_stmts()", "dropCheckptStatements()", "DropCheckpointStmt()"] {
            assert_eq!(said::<Failure>(text), "drop_checkpt_stmts()");
        }
        assert_eq!(said::<Failure>("changeOperation()"), "change_operation()");
        assert_eq!(said::<Failure>("DropResultStatement"), "drop_result_stmt()");
        assert_eq!(said::<Trigger>("resultShuttle( 0 , 1 )"), "result_shuttle(0,1)");
        assert_eq!(said::<Trigger>("forward_request(0,1)"), "forwarded_request(0,1)");
        assert_eq!(said::<Trigger>("catchup(0)"), "catch_up(0)");
    }

    #[test]
    fn mistakes_name_their_place_and_a_remedy() {
        assert_eq!(
            said::<Trigger>("wedge_request(-1,1)"),
            "14..16 `wedge_request` names no client; write wedge_request(1)"
        );
        assert_eq!(
            said::<Trigger>("shutle(0,1)"),
            "0..6 there is no trigger `shutle`; did you mean `shuttle`?"
        );
        assert_eq!(
            said::<Trigger>("received(shutle,0)"),
            "9..15 there is no message `shutle`; did you mean `shuttle`?"
        );
        assert_eq!(
            said::<Trigger>("received(shuttle)"),
            "0..17 `received` takes the kind of a message and a number, not 1; write \
             received(kind,number), for example received(client_request,0)"
        );
        assert_eq!(
            said::<Failure>("sleep(time)"),
            "6..10 `time` is no number from 0 up; write sleep(milliseconds), a plain number"
        );
        assert_eq!(
            said::<Failure>("extra_op(2)"),
            "9..10 `extra_op` takes no argument; write extra_op()"
        );
    }

    pub(crate) fn any_failure() -> impl Strategy<Value = Failure> {
        prop_oneof![
            proptest::sample::select(PLAIN.to_vec()),
            any::<u32>().prop_map(|entries| Failure::TruncateHistory { entries }),
            any::<u32>().prop_map(|operations| Failure::Rollback { operations }),
            any::<u32>().prop_map(|entry| Failure::ForgeHistory { entry }),
            any::<u32>().prop_map(|entry| Failure::OmitHistory { entry }),
            (0..=MAX_SLEEP).prop_map(|milliseconds| Failure::Sleep { milliseconds }),
        ]
    }

    pub(crate) fn any_trigger() -> impl Strategy<Value = Trigger> {
        let with = (proptest::sample::select(WITH_CLIENT.to_vec()), any::<u32>(), any::<u64>());
        let without = (proptest::sample::select(WITHOUT_CLIENT.to_vec()), any::<u64>());
        let received = (proptest::sample::select(kind::ALL.to_vec()), any::<u64>());
        prop_oneof![
            with.prop_map(|((_, make), client, number)| make(client, number)),
            without.prop_map(|((_, make), number)| make(number)),
            received.prop_map(|(kind, number)| Trigger::Received { kind, number }),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(failure in any_failure(), trigger in any_trigger()) {
            prop_assert_eq!(failure.to_string().parse(), Ok(failure));
            prop_assert_eq!(trigger.to_string().parse(), Ok(trigger));
        }
    }

    #[test]
    fn every_name_in_the_tables_is_the_value_s_own() {
        for (name, make) in WITH_CLIENT {
            assert_eq!(make(0, 0).name(), name);
        }
        for (name, make) in WITHOUT_CLIENT {
            assert_eq!(make(0).name(), name);
        }
        for (name, _, _, make) in COUNTED {
            assert_eq!(make(1).name(), name);
        }
    }
}
