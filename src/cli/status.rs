//! `perjury status`: how a cluster is, as it is served.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::net::{NodeReport, ProcessReport, REPORT_FORMAT, Report, UsersReport};
use crate::words::counted;

use super::shell::Shell;
use super::{Exit, Failure, Outcome, args};

/// Show how a cluster is that is being served: modes, slots, who lags behind, what users are told.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  perjury serve --metrics 127.0.0.1:7416     in one terminal
  perjury status                             in another; Ctrl-C ends it
  perjury status --once --at 10.0.0.1:7416 --at 10.0.0.2:7416

Exits with 0, or with 2 if nobody answers there.")]
pub(super) struct Args {
    /// Where programs that serve show their metrics.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7416",
          value_parser = args::address)]
    at: Vec<SocketAddr>,
    /// How often they are asked.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = args::duration_ns)]
    every: u64,
    /// Ask them once.
    #[arg(long)]
    once: bool,
}

/// How long a program may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest report.
const LONGEST: u64 = 16 << 20;

pub(super) fn status(args: &Args, shell: &mut Shell) -> Outcome {
    let mut before: Option<Vec<Report>> = None;
    let runtime = super::client::runtime()?;
    loop {
        let asked = args.at.iter().map(|address| (*address, ask(*address)));
        let asked: Vec<_> = asked.collect();
        let reports: Vec<Report> =
            asked.iter().filter_map(|(_, report)| report.as_ref().ok()).cloned().collect();
        let lacking = asked.iter().filter_map(|(address, report)| {
            report.as_ref().err().map(|why| format!("{address}: {why}\n"))
        });
        let lacking: String = lacking.collect();
        if reports.is_empty() {
            let why = format!("{lacking}start a cluster with `perjury serve --metrics ADDRESS`");
            return Err(Failure::Usage(why));
        }
        let text = table(&reports, before.as_deref()) + &lacking;
        if args.once {
            write!(shell, "{text}")?;
            return Ok(Exit::Held);
        }
        // Over what was there before.
        const HOME: &str = "\x1b[H\x1b[2J";
        write!(shell, "{HOME}{text}")?;
        shell.flush()?;
        before = Some(reports);
        runtime.block_on(async { tokio::time::sleep(Duration::from_nanos(args.every)).await });
    }
}

/// What a program tells of itself.
fn ask(address: SocketAddr) -> Result<Report, String> {
    let text = get(address).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => format!("no answer in {PATIENCE:?}"),
        _ => error.to_string(),
    })?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("it does not speak HTTP")?;
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(format!("it answers {}", head.lines().next().unwrap_or_default()));
    }
    let report: Report = serde_json::from_str(body)
        .map_err(|error| format!("{error}; is it of another version?"))?;
    match report.format {
        REPORT_FORMAT => Ok(report),
        other => Err(format!("it has format {other}, this program knows {REPORT_FORMAT}")),
    }
}

fn get(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "GET /status HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// All nodes with all processes, and what users were told.
fn table(reports: &[Report], before: Option<&[Report]>) -> String {
    let mut text = String::new();
    let nodes = || reports.iter().flat_map(|report| &report.nodes);
    let replicas = || {
        let all = nodes().flat_map(|node| &node.processes);
        all.filter_map(|one| Some((configuration(&one.process)?, slot(&one.fields)?)))
    };
    // Who lags behind the newest configuration's best.
    let newest = replicas().map(|(configuration, _)| configuration).max();
    let best = replicas().filter(|(number, _)| Some(*number) == newest).map(|(_, slot)| slot).max();
    for NodeReport { node, has_begun, links, processes, coming, .. } in nodes() {
        let state = if *has_begun { "up" } else { "waits" };
        let up = links.iter().filter(|link| link.is_up).count();
        let parcels: u64 = links.iter().map(|link| link.parcels).sum();
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "node {node:<4} {state:<6} links {up} of {}, {parcels} on their way, {coming} coming",
            links.len()
        );
        let mut clients = 0;
        for ProcessReport { process, fields } in processes {
            if process.starts_with("client ") {
                clients += 1;
                continue;
            }
            let told = fields.iter().map(|(name, value)| format!("{name} {value}"));
            let mut told: Vec<String> = told.collect();
            if configuration(process).is_some_and(|own| Some(own) == newest) {
                let lag = best.zip(slot(fields)).map_or(0, |(best, own)| best - own);
                told.push(format!("lag {lag}"));
            }
            let _ = writeln!(text, "  {process:<14} {}", told.join(", "));
        }
        if clients > 0 {
            let _ = writeln!(text, "  {}", counted(clients, "client", "clients"));
        }
    }
    text + &users(reports, before)
}

/// What users were told, with how much more since the last time.
fn users(reports: &[Report], before: Option<&[Report]>) -> String {
    let sum = |reports: &[Report], of: fn(&UsersReport) -> u64| -> u64 {
        reports.iter().map(|report| of(&report.users)).sum()
    };
    let told = |reports: &[Report]| sum(reports, |users| users.answered);
    let answered = told(reports);
    let refused = sum(reports, |users| users.refused + users.turned_away);
    let under_way = sum(reports, |users| users.under_way);
    let more = before.map(|before| answered.saturating_sub(told(before)));
    let more = more.map_or_else(String::new, |more| format!(" ({more} more)"));
    let mut text =
        format!("users     {answered} answered{more}, {refused} refused, {under_way} under way");
    for (share, seconds) in reports.iter().flat_map(|report| &report.users.quantiles) {
        let _ = write!(text, ", p{} {:.2} ms", share * 100.0, seconds * 1e3);
    }
    text + "\n"
}

/// The configuration of a replica.
fn configuration(process: &str) -> Option<u64> {
    process.strip_prefix("replica ")?.split('.').next()?.parse().ok()
}

fn slot(fields: &BTreeMap<String, String>) -> Option<u64> {
    fields.get("next slot")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::LinkReport;

    fn process(name: &str, fields: &[(&str, &str)]) -> ProcessReport {
        let fields = fields.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        ProcessReport { process: name.to_owned(), fields: fields.collect() }
    }

    #[test]
    fn a_table_tells_who_lags_behind() {
        let slot = |slot| [("mode", "active"), ("next slot", slot)];
        let links = vec![LinkReport { to: 1, is_up: true, parcels: 3, bytes: 9 }];
        let processes = vec![
            process("olympus", &[("configuration", "2")]),
            process("client 0", &[]),
            process("replica 1.0", &slot("40")),
            process("replica 2.0", &slot("17")),
        ];
        let first = NodeReport { has_begun: true, links, processes, ..NodeReport::default() };
        let processes = vec![process("replica 2.1", &slot("15"))];
        let second = NodeReport { node: 1, processes, coming: 4, ..NodeReport::default() };
        let quantiles = vec![(0.5, 0.002), (0.999, 0.03)];
        let users = UsersReport { answered: 9, under_way: 1, quantiles, ..UsersReport::default() };
        let report = Report { format: REPORT_FORMAT, nodes: vec![first, second], users };
        let mut earlier = report.clone();
        earlier.users.answered = 4;
        insta::assert_snapshot!(table(&[report], Some(&[earlier])), @r"
        node 0    up     links 1 of 1, 3 on their way, 0 coming
          olympus        configuration 2
          replica 1.0    mode active, next slot 40
          replica 2.0    mode active, next slot 17, lag 0
          1 client
        node 1    waits  links 0 of 0, 0 on their way, 4 coming
          replica 2.1    mode active, next slot 15, lag 2
        users     9 answered (5 more), 0 refused, 1 under way, p50 2.00 ms, p99.9 30.00 ms
        ");
    }
}
