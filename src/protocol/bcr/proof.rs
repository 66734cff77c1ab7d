//! Checking of proofs: lists of statements of which each replica should have signed one.
//!
//! An invalid signature never contributes to a proof, nor does a statement about something else.

use super::chain::Chain;
use super::statements::*;
use crate::crypto::{Digest, Notary, Signed, Statement};

/// Why a list of statements does not prove what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Somebody's statement is missing, is at the wrong place or is about something else.
    Missing,
    /// Somebody's signature is invalid.
    InvalidSignature,
    /// Too few of the statements agree.
    TooFewAgree,
}

impl Flaw {
    /// What is wrong, for the record.
    pub fn text(self) -> &'static str {
        match self {
            Flaw::Missing => "a statement is missing or about something else",
            Flaw::InvalidSignature => "a signature is invalid",
            Flaw::TooFewAgree => "too few statements agree",
        }
    }
}

impl From<Flaw> for Reason {
    fn from(flaw: Flaw) -> Reason {
        match flaw {
            Flaw::Missing | Flaw::TooFewAgree => Reason::MissingStatement,
            Flaw::InvalidSignature => Reason::InvalidSignature,
        }
    }
}

/// Why an order proof is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderFlaw {
    /// The statements are not those that should be there.
    Statements(Flaw),
    /// They agree on an operation that is not the client's.
    WrongOperation,
    /// They contradict each other.
    Contradiction(Box<Contradiction>),
}

/// Whether these are statements of exactly the replicas 0 to `count` - 1, one each, all fitting and
/// validly signed. What stands at its place in `known` was found so before.
#[inline]
pub fn all_stated<T: Statement + PartialEq>(
    members: &Configuration,
    statements: &Chain<Signed<T>>,
    count: usize,
    known: &Chain<Signed<T>>,
    notary: &mut Notary,
    fits: impl Fn(&T) -> bool,
) -> Result<(), Flaw> {
    if statements.len() != count {
        return Err(Flaw::Missing);
    }
    let mut position = count;
    let mut flaw = Flaw::Missing;
    let all = statements.passes(known, |statement, is_known| {
        position -= 1;
        if statement.signer() != members.replica(position) || !fits(statement.body()) {
            return false;
        }
        let is_signed = is_known || members.signed(statement, notary);
        if !is_signed {
            flaw = Flaw::InvalidSignature;
        }
        is_signed
    });
    if all { Ok(()) } else { Err(flaw) }
}

/// Whether replicas 0 to `count` - 1 have validly put this request into this slot.
#[inline]
pub fn check_orders(
    members: &Configuration,
    orders: &OrderProof,
    count: usize,
    slot: u64,
    request: &Digest,
    notary: &mut Notary,
) -> Result<(), OrderFlaw> {
    let fits = |order: &Order| order.configuration == members.number && order.slot == slot;
    all_stated(members, orders, count, &Chain::EMPTY, notary, fits)
        .map_err(OrderFlaw::Statements)?;
    let Some(wrong) = orders.backwards().find(|order| order.body().request != *request) else {
        return Ok(());
    };
    let other = orders.backwards().find(|order| order.body().request != wrong.body().request);
    Err(match other {
        None => OrderFlaw::WrongOperation,
        Some(other) => {
            let proof = Contradiction::Orders(wrong.clone(), other.clone());
            OrderFlaw::Contradiction(Box::new(proof))
        }
    })
}

/// What a result proof shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether the result counts, and why not.
    pub verdict: Result<(), Flaw>,
    /// Two valid statements in it that contradict each other.
    pub contradiction: Option<Box<Contradiction>>,
}

/// Whether every replica of the chain has validly stated a result for this request in one slot, and
/// at least `quorum` of them this result.
#[inline]
pub fn judge_whole_chain(
    members: &Configuration,
    proven: &ProvenResult,
    request: &Digest,
    quorum: usize,
    known: &ResultProof,
    notary: &mut Notary,
) -> Judgement {
    let Some(newest) = proven.statements.newest().map(Signed::body) else {
        return Judgement { verdict: Err(Flaw::Missing), contradiction: None };
    };
    let about_it = newest.configuration == members.number
        && (newest.client, newest.id) == (proven.client, proven.id)
        && newest.request == *request;
    let fits = |result: &ResultStatement| about_it && result.is_about_the_same(newest);
    let size = members.size();
    let verdict = all_stated(members, &proven.statements, size, known, notary, fits);
    let hash = result_hash(&proven.reply);
    let tells_it = |statement: &&Signed<ResultStatement>| statement.body().result == hash;
    let agreeing = proven.statements.backwards().filter(tells_it).count();
    judge(members, proven, verdict, (agreeing, quorum), notary)
}

/// Whether at least `quorum` replicas have validly stated this result for this request.
pub fn judge_agreeing(
    members: &Configuration,
    proven: &ProvenResult,
    request: &Digest,
    quorum: usize,
    notary: &mut Notary,
) -> Judgement {
    let expected = ResultStatement {
        configuration: members.number,
        slot: proven.slot(),
        client: proven.client,
        id: proven.id,
        request: *request,
        result: result_hash(&proven.reply),
    };
    let mut agreeing = Vec::with_capacity(members.size());
    for statement in proven.statements.backwards() {
        if *statement.body() == expected
            && !agreeing.contains(&statement.signer())
            && members.signed(statement, notary)
        {
            agreeing.push(statement.signer());
        }
    }
    judge(members, proven, Ok(()), (agreeing.len(), quorum), notary)
}

#[inline]
fn judge(
    members: &Configuration,
    proven: &ProvenResult,
    verdict: Result<(), Flaw>,
    (agreeing, quorum): (usize, usize),
    notary: &mut Notary,
) -> Judgement {
    let enough = if agreeing < quorum { Err(Flaw::TooFewAgree) } else { Ok(()) };
    let all_agree = agreeing == proven.statements.len();
    let contradiction = match all_agree {
        true => None,
        false => contradicting_results(members, &proven.statements, notary).map(Box::new),
    };
    Judgement { verdict: verdict.and(enough), contradiction }
}

/// Two validly signed statements that tell different results of one request in one slot.
pub fn contradicting_results(
    members: &Configuration,
    statements: &ResultProof,
    notary: &mut Notary,
) -> Option<Contradiction> {
    let valid: Vec<_> =
        statements.to_vec().into_iter().filter(|one| members.signed(one, notary)).collect();
    let differs = |one: &ResultStatement, other: &ResultStatement| {
        one.is_about_the_same(other) && one.result != other.result
    };
    valid.iter().enumerate().find_map(|(place, one)| {
        let other = valid[place..].iter().find(|other| differs(one.body(), other.body()))?;
        Some(Contradiction::Results((*one).clone(), (*other).clone()))
    })
}

/// Whether these two statements were signed by replicas of this configuration and cannot both be
/// honest.
pub fn is_contradiction(
    members: &Configuration,
    proof: &Contradiction,
    notary: &mut Notary,
) -> bool {
    let ours = |configuration| configuration == members.number;
    match proof {
        Contradiction::Orders(one, other) => {
            let (a, b) = (one.body(), other.body());
            ours(a.configuration)
                && (a.configuration, a.slot) == (b.configuration, b.slot)
                && a.request != b.request
                && members.signed(one, notary)
                && members.signed(other, notary)
        }
        Contradiction::Results(one, other) => {
            let (a, b) = (one.body(), other.body());
            ours(a.configuration)
                && a.is_about_the_same(b)
                && a.result != b.result
                && members.signed(one, notary)
                && members.signed(other, notary)
        }
    }
}

/// Whether a completed checkpoint has a valid statement of every replica, at least `quorum`
/// agreeing.
pub fn check_checkpoint_of_all(
    members: &Configuration,
    proof: &CheckpointProof,
    quorum: usize,
    known: &CheckpointProof,
    notary: &mut Notary,
) -> Result<(), Flaw> {
    let slot = checkpoint_slot(proof);
    let fits = |statement: &CheckpointStatement| {
        statement.configuration == members.number && statement.slot == slot
    };
    all_stated(members, proof, members.size(), known, notary, fits)?;
    match most_agreeing(proof) >= quorum {
        true => Ok(()),
        false => Err(Flaw::TooFewAgree),
    }
}

/// Whether a completed checkpoint has `quorum` valid statements that agree.
pub fn check_checkpoint_of_some(
    members: &Configuration,
    proof: &CheckpointProof,
    quorum: usize,
    notary: &mut Notary,
) -> Result<(), Flaw> {
    let slot = checkpoint_slot(proof);
    let mut signers = Vec::new();
    let mut valid = Chain::EMPTY;
    for statement in proof.backwards() {
        let body = statement.body();
        let fits = body.configuration == members.number && body.slot == slot;
        if fits && !signers.contains(&statement.signer()) && members.signed(statement, notary) {
            signers.push(statement.signer());
            valid = valid.with(statement.clone());
        }
    }
    match most_agreeing(&valid) >= quorum {
        true => Ok(()),
        false => Err(Flaw::TooFewAgree),
    }
}

/// How many statements the most frequent state hash has.
pub fn most_agreeing(proof: &CheckpointProof) -> usize {
    let count = |state: Digest| {
        proof.backwards().filter(|statement| statement.body().state == state).count()
    };
    let mut most = 0;
    for statement in proof.backwards() {
        if most * 2 >= proof.len() {
            break;
        }
        most = most.max(count(statement.body().state));
    }
    most
}

/// Whether `quorum` replicas have validly stated, in one attempt, this result for this request.
pub fn check_delivery(
    members: &Configuration,
    delivery: &Delivery,
    request: &Digest,
    quorum: usize,
    notary: &mut Notary,
) -> bool {
    let Some(first) = delivery.statements.first().map(|statement| *statement.body()) else {
        return false;
    };
    let result = &first.result;
    let about_it = result.configuration == members.number
        && (result.client, result.id) == (delivery.client, delivery.id)
        && result.request == *request
        && result.result == result_hash(&delivery.reply);
    let mut signers = Vec::new();
    for statement in &delivery.statements {
        if *statement.body() == first
            && !signers.contains(&statement.signer())
            && members.signed(statement, notary)
        {
            signers.push(statement.signer());
        }
    }
    about_it && signers.len() >= quorum
}
