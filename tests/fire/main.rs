//! A cluster under fire: nodes that host replicas are killed and frozen, wires are cut, held up and
//! damaged, and strangers feed every port with what does not belong there, all under a load.
//! Nothing that was acknowledged is lost, what users see is linearizable, memory stays bounded, no
//! node panics, and requests are answered again soon.
//!
//! Each kind of blow falls once, or again and again for `PERJURY_FIRE_SECONDS`; `PERJURY_FIRE_SEED`
//! draws another plan, `PERJURY_FIRE_T` says how many faulty replicas are borne (and hit at once),
//! `PERJURY_FIRE_RECORD` makes every node record what comes to its processes, to be replayed then.

#![cfg(unix)]
#![expect(clippy::print_stdout, reason = "it gives a short account")]

mod attack;
mod blows;
#[path = "../book/mod.rs"]
mod book;
mod crowd;
mod dice;
mod imposter;
mod memory;
#[path = "../nodes/mod.rs"]
mod nodes;
#[path = "../shell/mod.rs"]
mod shell;
mod town;
mod wires;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use attack::{Attack, Targets};
use blows::{BLOWS, Blow, strike};
use crowd::Crowd;
use dice::Dice;
use memory::Memory;
use shell::{code, err, out, perjury};
use town::{Shape, Town};

/// How many answers show that the cluster goes on.
const MORE: u64 = 30;

/// What is asked for in the environment.
#[expect(clippy::disallowed_methods, reason = "how long a test is, the caller says")]
fn wished(name: &str) -> Option<u64> {
    let word = std::env::var(name).ok()?;
    Some(word.parse().unwrap_or_else(|_| panic!("{name} is {word:?}; a number is wanted")))
}

/// What has happened.
#[derive(Default)]
struct Account {
    blows: BTreeMap<Blow, u64>,
    configurations: u32,
    wait: Duration,
    silence: Duration,
}

/// Blows fall, each after the cluster has overcome the one before.
async fn fire(town: &Rc<Town>, crowd: &Crowd, seconds: u64, dice: &mut Dice) -> Account {
    let mut account = Account::default();
    let mut plan: Vec<Blow> = Vec::new();
    let began = Instant::now();
    crowd.book.goes_on(MORE, "the start").await;
    while !plan.is_empty() || account.blows.is_empty() || began.elapsed().as_secs() < seconds {
        let (configuration, mut homes) = town.settled().await;
        account.configurations = configuration;
        if plan.is_empty() {
            plan = BLOWS.to_vec();
            dice.shuffle(&mut plan);
        }
        dice.shuffle(&mut homes);
        let mut hits = JoinSet::new();
        let mut told = Vec::new();
        for _ in 0..town.shape.t {
            let Some(blow) = plan.pop() else { break };
            *account.blows.entry(blow).or_default() += 1;
            told.push(format!("node {} {blow}", homes[0]));
            hits.spawn_local(strike(town.clone(), blow, homes.clone(), Dice(dice.draw())));
            homes.rotate_left(1);
        }
        let (told, at, before) = (told.join(", "), began.elapsed(), crowd.book.answered());
        crowd.book.longest();
        while let Some(hit) = hits.join_next().await {
            hit.expect("it can be done");
        }
        let meanwhile = crowd.book.answered() - before;
        let healed = Instant::now();
        crowd.book.goes_on(MORE, &told).await;
        let again = healed.elapsed().as_secs_f32();
        let (wait, silence) = crowd.book.longest();
        account.wait = account.wait.max(wait);
        account.silence = account.silence.max(silence);
        println!(
            "  {:5.1} s  {told}: {meanwhile} answers meanwhile, {MORE} more {again:.1} s later; \
             nobody was answered for {:.1} s, one waited {:.1} s",
            at.as_secs_f32(),
            silence.as_secs_f32(),
            wait.as_secs_f32()
        );
    }
    account.configurations = town.settled().await.0;
    account
}

/// Looks at the nodes' memory, and listens at their wires for strangers to repeat.
async fn watch(town: Rc<Town>, memory: Rc<RefCell<Memory>>, targets: Targets) {
    loop {
        memory.borrow_mut().look(town.programs());
        for wire in &town.wires {
            targets.set_said(wire.to, wire.said());
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// What was recorded comes to the same again, and its judges find nothing broken. Who was killed
/// has recordings up to then.
fn replay(folder: &Path) {
    let replayed = perjury(&["replay", &folder.to_string_lossy()]);
    let told = format!("{}{}", out(&replayed), err(&replayed));
    assert_eq!(code(&replayed), 0, "{told}");
    let tells = |line: &&str| {
        ["  messages ", "  digest ", "  replayed "].iter().any(|word| line.starts_with(word))
    };
    told.lines().filter(tells).for_each(|line| println!("{line}"));
}

async fn under_fire(shape: Shape, seed: u64, seconds: u64) {
    let mut dice = Dice(seed);
    let targets = Targets::default();
    let (town, gateway) = Town::build(shape, &mut dice, targets.clone()).await;
    let memory = Rc::new(RefCell::new(Memory::default()));
    let watch = tokio::task::spawn_local(watch(town.clone(), memory.clone(), targets.clone()));
    let attack = Attack::begin(targets, Dice(dice.draw()));
    let (crowd, users) = Crowd::begin(gateway, &mut dice);
    let account = fire(&town, &crowd, seconds, &mut dice).await;
    crowd.end();
    for user in users {
        user.await.expect("it is content");
    }
    let calls = attack.end();
    let acknowledged = crowd.audit().await;
    watch.abort();
    town.stop();
    town.assert_calm();
    let acts = crowd.book.judge();
    let Account { blows, configurations, wait, silence } = account;
    println!("  {acts} acts are linearizable; {acknowledged} entries of ledgers are there, once");
    println!("  blows: {blows:?}; {configurations} reconfigurations; strangers: {calls:?}");
    println!(
        "  longest silence {:.1} s, longest wait {:.1} s",
        silence.as_secs_f32(),
        wait.as_secs_f32()
    );
    let memory = memory.borrow();
    println!("  memory at most, KiB: {:?}", memory.peaks_kib);
    println!("  memory of node 0 over time, KiB: {:?}", memory.course());
    memory.assert_bounded();
}

#[test]
fn what_was_acknowledged_survives_blows_and_strangers() {
    let seed = wished("PERJURY_FIRE_SEED").unwrap_or(1);
    let seconds = wished("PERJURY_FIRE_SECONDS").unwrap_or(0);
    let t = wished("PERJURY_FIRE_T").unwrap_or(1) as usize;
    println!("PERJURY_FIRE_SEED={seed} PERJURY_FIRE_SECONDS={seconds} PERJURY_FIRE_T={t}");
    let folder = shell::scratch("fire");
    let record = wished("PERJURY_FIRE_RECORD").map(|_| folder.join("recorded"));
    let shape = Shape { t, folder, record: record.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("it can be had");
    tokio::task::LocalSet::new().block_on(&runtime, under_fire(shape, seed, seconds));
    record.iter().for_each(|folder| replay(folder));
}
