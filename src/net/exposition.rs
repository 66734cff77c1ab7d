//! A report in the text format that Prometheus reads.

use std::fmt::{self, Display, Write as _};

use super::report::{LinkReport, NodeReport, ProcessReport, Report, UsersReport};

impl Report {
    /// The report in the text format that Prometheus reads.
    pub fn to_prometheus(&self) -> String {
        let mut text = Exposition::default();
        self.tell_nodes(&mut text);
        self.tell_links(&mut text);
        self.tell_processes(&mut text);
        self.tell_users(&mut text);
        text.0
    }

    fn tell_nodes(&self, text: &mut Exposition) {
        type Of = fn(&NodeReport) -> f64;
        let families: [(&str, &str, &str, Of); 12] = [
            ("up", "gauge", "Whether its processes have begun.", |n| f64::from(n.has_begun)),
            ("messages_received_total", "counter", "Messages handed to processes.", |n| {
                n.stats.received as f64
            }),
            ("messages_sent_total", "counter", "Messages to processes elsewhere.", |n| {
                n.stats.sent as f64
            }),
            ("messages_gone_total", "counter", "Messages to processes that have ended.", |n| {
                n.stats.gone as f64
            }),
            ("parcels_refused_total", "counter", "What others sent and may not.", |n| {
                n.stats.refused as f64
            }),
            ("parcels_lost_total", "counter", "What found no room on a link.", |n| {
                n.stats.lost as f64
            }),
            ("messages_dropped_total", "counter", "Messages to nobody known.", |n| {
                n.stats.dropped as f64
            }),
            ("statements_signed_total", "counter", "Statements that were signed.", |n| {
                n.stats.signed as f64
            }),
            ("signatures_made_total", "counter", "Signatures under them.", |n| {
                n.stats.sealed as f64
            }),
            ("signatures_checked_total", "counter", "Signatures that were checked.", |n| {
                n.stats.verified as f64
            }),
            ("signature_seconds_total", "counter", "Time spent on signatures.", |n| {
                n.stats.pen_ns as f64 / 1e9
            }),
            ("coming", "gauge", "What has come and was not taken yet.", |n| n.coming as f64),
        ];
        for (name, kind, help, of) in families {
            let name = format!("perjury_node_{name}");
            text.family(&name, kind, help);
            for node in &self.nodes {
                text.sample(&name, &[("node", &node.node)], of(node));
            }
        }
    }

    fn tell_links(&self, text: &mut Exposition) {
        type Of = fn(&LinkReport) -> f64;
        let families: [(&str, &str, Of); 3] = [
            ("up", "Whether it is connected.", |link| f64::from(link.is_up)),
            ("parcels", "What is on its way.", |link| link.parcels as f64),
            ("bytes", "How many bytes that has.", |link| link.bytes as f64),
        ];
        for (name, help, of) in families {
            let name = format!("perjury_link_{name}");
            text.family(&name, "gauge", help);
            for node in &self.nodes {
                for link in &node.links {
                    text.sample(&name, &[("from", &node.node), ("to", &link.to)], of(link));
                }
            }
        }
    }

    /// Numbers as they are; words as labels of a sample that is 1.
    fn tell_processes(&self, text: &mut Exposition) {
        let all = self.nodes.iter();
        let all = all.flat_map(|node| node.processes.iter().map(move |one| (node.node, one)));
        let processes: Vec<(_, &ProcessReport)> = all.collect();
        let name = "perjury_process";
        text.family(name, "gauge", "What a process shows in numbers, such as its next slot.");
        for (node, ProcessReport { process, fields }) in &processes {
            for (field, value) in fields {
                if let Ok(value) = value.parse() {
                    let labels: [(&str, &dyn Display); 3] =
                        [("node", node), ("process", process), ("field", field)];
                    text.sample(name, &labels, value);
                }
            }
        }
        let name = "perjury_process_is";
        text.family(name, "gauge", "What a process shows in words, such as its mode.");
        for (node, ProcessReport { process, fields }) in &processes {
            for (field, value) in fields.iter().filter(|(_, value)| value.parse::<f64>().is_err()) {
                let labels: [(&str, &dyn Display); 4] =
                    [("node", node), ("process", process), ("field", field), ("value", value)];
                text.sample(name, &labels, 1.0);
            }
        }
    }

    fn tell_users(&self, text: &mut Exposition) {
        let UsersReport { answered, refused, turned_away, under_way, silence, .. } = &self.users;
        let UsersReport { seconds, quantiles, .. } = &self.users;
        let name = "perjury_requests_total";
        text.family(name, "counter", "Requests of users that were answered.");
        text.sample(name, &[("outcome", &"result")], *answered as f64);
        text.sample(name, &[("outcome", &"refused")], *refused as f64);
        text.sample(name, &[("outcome", &"turned away")], *turned_away as f64);
        let name = "perjury_requests_under_way";
        text.family(name, "gauge", "Requests of users that are under way.");
        text.sample(name, &[], *under_way as f64);
        let name = "perjury_silence_seconds";
        text.family(name, "gauge", "For how long nobody was answered though requests wait.");
        text.sample(name, &[], *silence);
        let name = "perjury_request_seconds";
        text.family(name, "summary", "How long answers took.");
        for (share, seconds) in quantiles {
            text.sample(name, &[("quantile", share)], *seconds);
        }
        text.sample("perjury_request_seconds_sum", &[], *seconds);
        text.sample("perjury_request_seconds_count", &[], (answered + refused) as f64);
    }
}

/// Text in the format of Prometheus.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &dyn Display)], value: f64) {
        self.0.push_str(name);
        for (place, (label, value)) in labels.iter().enumerate() {
            let before = if place == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{}\"", Escaped(&value.to_string()));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}

/// The value of a label.
struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}
