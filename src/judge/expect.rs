//! What a scenario expects, held against what came.

use crate::run::Report;
use crate::scenario::Expect;

/// The expectations that did not come true, each as a sentence.
pub fn missed(expect: &Expect, report: &Report) -> Vec<String> {
    let mut missed = Vec::new();
    if let Some(wanted) = expect.verdict
        && wanted != report.verdict
    {
        missed.push(format!("the verdict is {}, not {}", report.verdict.name(), wanted.name()));
    }
    if let Some(answered) = expect.answered
        && answered != report.answered()
    {
        missed.push(format!("{} requests are answered, not {answered}", report.answered()));
    }
    if let Some(count) = expect.reconfigurations
        && count != report.reconfigurations
    {
        missed.push(format!("{} reconfigurations, not {count}", report.reconfigurations));
    }
    if let Some(digest) = &expect.digest
        && *digest != format!("{:#}", report.digest)
    {
        missed.push(format!("the digest is {:#}, not {digest}", report.digest));
    }
    quorums(expect, report, &mut missed);
    dictionary(expect, report, &mut missed);
    results(expect, report, &mut missed);
    missed
}

fn quorums(expect: &Expect, report: &Report, missed: &mut Vec<String>) {
    for (configuration, wanted) in expect.quorums.iter().enumerate() {
        let any = wanted.is_empty();
        match report.quorums.get(configuration) {
            Some(found) if any || found == wanted => {}
            Some(found) => missed.push(format!(
                "the quorum {found:?} ends configuration {configuration}, not {wanted:?}"
            )),
            None => missed.push(match any {
                true => format!("nothing ends configuration {configuration}"),
                false => format!("no quorum ends configuration {configuration}, not {wanted:?}"),
            }),
        }
    }
}

fn dictionary(expect: &Expect, report: &Report, missed: &mut Vec<String>) {
    let Some(wanted) = &expect.dictionary else {
        return;
    };
    let found = |key: &String| {
        report.dictionary.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    };
    for (key, value) in wanted {
        match found(key) {
            Some(other) if other == value => {}
            Some(other) => missed.push(format!("{key} is '{other}' in the end, not '{value}'")),
            None => missed.push(format!("{key} is absent in the end, not '{value}'")),
        }
    }
    if expect.dictionary_exact {
        let others = report.dictionary.iter().filter(|(key, _)| !wanted.contains_key(key));
        missed.extend(others.map(|(key, value)| format!("{key} is '{value}', but must be absent")));
    }
}

fn results(expect: &Expect, report: &Report, missed: &mut Vec<String>) {
    for (client, wanted) in &expect.results {
        let record = report.clients.get(*client as usize);
        let found = record.map(|record| record.results.as_slice()).unwrap_or_default();
        let parted = wanted.iter().zip(found).position(|(a, b)| a != b);
        if let Some(place) = parted {
            let (found, wanted) = (&found[place], &wanted[place]);
            missed.push(format!("result {place} of client {client} is '{found}', not '{wanted}'"));
        } else if wanted.len() != found.len() {
            let (found, wanted) = (found.len(), wanted.len());
            missed.push(format!("client {client} has {found} results, not {wanted}"));
        }
    }
}
