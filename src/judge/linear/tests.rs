//! The checker against histories that are known, and against a twin that tries everything.

use super::*;
use crate::object::Pool;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

fn act(client: u32, operation: Operation, called: u64, returned: Option<(u64, &str)>) -> Act {
    let returned = returned.map(|(at, text)| (at, Reply::of(&text.into())));
    Act { client, operation, called, returned, returned_ns: 0 }
}

#[test]
fn a_read_may_not_go_back_in_time() {
    let history = [
        act(0, Operation::put("k", "old"), 0, Some((1, "OK"))),
        act(0, Operation::put("k", "new"), 2, Some((9, "OK"))),
        act(1, Operation::get("k"), 3, Some((4, "new"))),
        act(1, Operation::get("k"), 5, Some((6, "old"))),
    ];
    let Answer::No(offence) = check(&history) else { panic!("it is not linearizable") };
    assert_eq!(offence.values_before, [Some("old".to_owned())]);
    assert_eq!(offence.part.len(), 3, "the first put was over before the part began");
    assert_eq!(offence.part.last(), Some(&history[3]));
    assert_eq!(check(&history[..3]), Answer::Yes);
}

/// Whether a history is linearizable by this order of some of its acts.
fn is_linearized_by(history: &[Act], order: &[usize]) -> bool {
    let mut line = Line::default();
    let all_fit = order.iter().all(|place| line.put(&history[*place]));
    let left_out = |(place, act): (usize, &Act)| act.returned.is_some() && !order.contains(&place);
    all_fit && !history.iter().enumerate().any(left_out)
}

#[test]
fn an_order_that_is_given_is_checked_in_full() {
    let history = [
        act(0, Operation::put("k", "v"), 0, Some((5, "OK"))),
        act(1, Operation::get("k"), 1, Some((2, ""))),
        act(1, Operation::get("k"), 3, Some((4, "v"))),
        act(2, Operation::put("k", "lost"), 6, None),
    ];
    assert!(is_linearized_by(&history, &[1, 0, 2]));
    assert!(is_linearized_by(&history, &[1, 0, 2, 3]));
    assert!(!is_linearized_by(&history, &[0, 1, 2]), "a reply does not fit");
    assert!(!is_linearized_by(&history, &[1, 0]), "an answered act is left out");
    let over = [
        act(0, Operation::get("k"), 0, Some((1, ""))),
        act(0, Operation::get("k"), 2, Some((3, ""))),
    ];
    assert!(!is_linearized_by(&over, &[1, 0]), "the first was over when the second began");
}

#[test]
fn an_unanswered_write_may_take_effect_or_not() {
    let lost = act(0, Operation::put("k", "v"), 0, None);
    for seen in ["", "v"] {
        let read = act(1, Operation::get("k"), 5, Some((6, seen)));
        assert_eq!(check(&[lost.clone(), read]), Answer::Yes);
    }
    let back = [
        lost,
        act(1, Operation::get("k"), 5, Some((6, "v"))),
        act(1, Operation::get("k"), 7, Some((8, ""))),
    ];
    assert!(matches!(check(&back), Answer::No(_)));
}

#[test]
fn too_much_at_once_is_unknown() {
    let puts = (0..12).map(|i| {
        act(i, Operation::put("k", &i.to_string()), u64::from(i), Some((100 + u64::from(i), "OK")))
    });
    let puts: Vec<Act> = puts.collect();
    assert_eq!(check_within(&puts, 100), Answer::Unknown { key: "k".into() });
    assert_eq!(check(&puts), Answer::Yes);
}

/// Tries every order of all operations, whatever it costs.
fn brute_force(history: &[Act], done: &mut Vec<usize>, state: &Dictionary) -> bool {
    let open: Vec<usize> = (0..history.len()).filter(|i| !done.contains(i)).collect();
    let ends = |i: &usize| history[*i].returned.as_ref().map_or(u64::MAX, |(at, _)| *at);
    if open.iter().all(|i| history[*i].returned.is_none()) {
        return true;
    }
    let earliest_end = open.iter().map(ends).min().unwrap_or(u64::MAX);
    open.iter().filter(|i| history[**i].called < earliest_end).any(|i| {
        let mut state = state.clone();
        let reply = state.apply(&history[*i].operation);
        if history[*i].returned.as_ref().is_some_and(|(_, told)| *told != reply) {
            return false;
        }
        done.push(*i);
        let found = brute_force(history, done, &state);
        done.pop();
        found
    })
}

/// A small history of three clients and two keys; about half of them are wrong.
fn small_history(source: &mut ChaCha8Rng) -> Vec<Act> {
    let mut draw = |end: u64| source.next_u64() % end;
    let mut now = 0;
    let mut history = Vec::new();
    let mut state = Dictionary::default();
    for _ in 0..2 + draw(6) {
        let (client, key) = (draw(3) as u32, ["a", "b"][draw(2) as usize]);
        let operation = match draw(6) {
            0..2 => Operation::put(key, &draw(3).to_string()),
            2 => Operation::append(key, "x"),
            3 => Operation::slice(key, 0, draw(3)),
            _ => Operation::get(key),
        };
        let called = now;
        now += 1 + draw(2) * 2;
        let mut reply = state.apply(&operation);
        if draw(8) == 0 {
            reply = Reply::of(&draw(3).to_string().as_str().into());
        }
        let ends = called * 3 + 1 + draw(30);
        let returned = (draw(10) > 0).then_some((ends, reply));
        history.push(Act { client, operation, called: called * 3, returned, returned_ns: 0 });
    }
    history
}

/// Hands the history over in pieces that chance makes.
fn check_bit_by_bit(history: &[Act], source: &mut ChaCha8Rng) -> Answer {
    let mut search = Search::new(STANDINGS_KEPT);
    let mut rest: Vec<&Act> = history.iter().collect();
    while !rest.is_empty() {
        rest.retain(|act| {
            let is_kept = source.next_u64().is_multiple_of(2);
            if !is_kept {
                search.take((*act).clone());
            }
            is_kept
        });
        search.go_on(|key| {
            let same = rest.iter().filter(|act| act.operation.key() == key);
            same.map(|act| act.called).min().unwrap_or(u64::MAX)
        });
    }
    search.finish()
}

#[test]
fn agrees_with_brute_force_on_a_hundred_thousand_small_histories() {
    let mut source = ChaCha8Rng::seed_from_u64(7);
    let mut answers = [0_u32; 2];
    for _ in 0..100_000 {
        let history = small_history(&mut source);
        let expected = brute_force(&history, &mut Vec::new(), &Dictionary::default());
        let found = check(&history);
        let by_bits = check_bit_by_bit(&history, &mut source);
        assert_eq!(by_bits == Answer::Yes, expected, "{history:#?}\n{by_bits:?}");
        assert_eq!(found == Answer::Yes, expected, "{history:#?}\n{found:?}");
        answers[usize::from(expected)] += 1;
    }
    assert!(answers.iter().all(|count| *count > 20_000), "both answers come: {answers:?}");
}

#[test]
fn a_long_history_of_ten_clients_is_checked() {
    let mut state = Dictionary::default();
    let mut history = Vec::new();
    let mut ends = [0_u64; 10];
    let operations = Arc::new(Pool::default()).draws(1, 20_000);
    for (i, operation) in operations.enumerate() {
        // Operation i takes effect at 100 i; it overlaps with about nine others.
        let (client, effect) = (i % 10, 100 * i as u64 + 1_000);
        let called = (ends[client] + 1).max(effect - 450);
        let reply = state.apply(&operation);
        ends[client] = effect + 450 + client as u64;
        let returned = Some((ends[client], reply));
        let client = client as u32;
        history.push(Act { client, operation, called, returned, returned_ns: 0 });
    }
    assert_eq!(check(&history), Answer::Yes);
}

/// Puts some acts of a history into a line, if they fit, and searches behind it for the others.
fn check_behind_a_line(history: &[Act], source: &mut ChaCha8Rng) -> Answer {
    let mut line = Line::default();
    let (mut order, mut rest) = (history.to_vec(), Vec::new());
    order.sort_by_key(|act| act.called + source.next_u64() % 12);
    let count = source.next_u64() as usize % history.len();
    for (place, act) in order.into_iter().enumerate() {
        let mut longer = line.clone();
        if place < count && act.returned.is_some() && longer.put(&act) {
            line = longer;
        } else {
            rest.push(act);
        }
    }
    let mut behind = Behind::new(&line);
    rest.into_iter().for_each(|act| behind.take(act));
    behind.finish()
}

#[test]
fn what_is_said_behind_a_line_is_right() {
    let mut source = ChaCha8Rng::seed_from_u64(8);
    let mut answers = [[0_u32; 3]; 2];
    for _ in 0..100_000 {
        let history = small_history(&mut source);
        let expected = check(&history) == Answer::Yes;
        let found = match check_behind_a_line(&history, &mut source) {
            Answer::Yes => 0,
            Answer::No(_) => 1,
            Answer::Unknown { .. } => 2,
        };
        answers[usize::from(expected)][found] += 1;
        assert!(found == 2 || expected == (found == 0), "{history:#?}\n{found}");
    }
    // In so few acts, what would show that they are wrong often stands in the line.
    let [[_, no, _], [yes, _, open]] = answers;
    assert!(yes > 10 * open && no > 10_000, "not much is decided: {answers:?}");
}

#[test]
fn what_waits_too_long_for_an_answer_is_unknown() {
    let mut search = Search::new(STANDINGS_KEPT);
    let mut asked = 1;
    while search.answer() == Answer::Yes && asked < 1_000_000 {
        for _ in 0..10_000 {
            search.take(act(1, Operation::get("k"), asked, Some((asked + 1, ""))));
            asked += 2;
        }
        search.go_on(|_| 0);
    }
    assert_eq!(search.answer(), Answer::Unknown { key: "k".into() });
}

#[test]
fn a_long_part_is_told_by_its_end() {
    // The first is answered last, so that something is always under way.
    let mut history = vec![act(0, Operation::put("k", "v"), 0, Some((9_999, "OK")))];
    for i in 0..100 {
        let seen = if i < 99 { "v" } else { "w" };
        history.push(act(1, Operation::get("k"), 2 * i + 1, Some((2 * i + 2, seen))));
    }
    let Answer::No(offence) = check(&history) else { panic!("nobody wrote w") };
    assert_eq!((offence.part.len(), offence.left_out), (64, 37));
    assert!(offence.to_string().starts_with("no order fits, from k nothing: 37 operations;"));
}
