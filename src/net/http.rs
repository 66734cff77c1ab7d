//! The board on an HTTP port: `/metrics` for Prometheus, `/healthz` for whoever restarts programs,
//! `/readyz` for whoever sends users here, `/status` for `perjury status`.
//!
//! Read-only, and without a word about what is stored. It answers `GET` and closes; heads are
//! bounded, and whoever is slow is hung up on.

use std::net::SocketAddr;
use std::time::Duration;
use std::{io, thread};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::clock;
use super::cluster::ClusterError;
use super::lobby::Lobby;
use super::report::{Board, Health};
use super::station;

/// The longest head of a request.
const LONGEST_HEAD: usize = 8 << 10;
/// The most fields of one.
const MOST_FIELDS: usize = 64;
/// How long a request and its answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many connections there may be.
const MOST_CONNECTIONS: usize = 64;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
struct Page {
    status: &'static str,
    kind: &'static str,
    body: String,
}

impl Page {
    fn text(status: &'static str, body: impl Into<String>) -> Page {
        Page { status, kind: "text/plain; charset=utf-8", body: body.into() }
    }
}

/// The board on a port. Closed when this is dropped.
#[derive(Debug)]
pub struct Window {
    address: SocketAddr,
    /// Closed with it.
    _stop: oneshot::Sender<()>,
}

impl Window {
    /// Shows the board there; port 0 for any that is free. On a thread of its own, so that it
    /// tells of nodes that hang.
    ///
    /// # Errors
    ///
    /// If nobody can listen there, or the machine gives no thread.
    pub fn open(board: Board, address: SocketAddr) -> Result<Window, ClusterError> {
        let listener = station::listen(address)?;
        let address = listener.local_addr()?;
        let (stop, stopping) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let show = move || runtime.block_on(show(listener, board, stopping));
        thread::Builder::new().name("window".to_owned()).spawn(show)?;
        Ok(Window { address, _stop: stop })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Shows the board to whoever asks, until nobody is left who could stop it.
async fn show(
    listener: std::net::TcpListener,
    board: Board,
    stop: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let lobby = Lobby::new(MOST_CONNECTIONS, Lobby::GRACE);
    let take = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Too many files are open, or the caller is gone already.
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            let (board, (place, must_go)) = (board.clone(), lobby.enter().await);
            tokio::spawn(async move {
                let _place = place;
                // Who hangs up or is too slow learns nothing; that is his affair.
                tokio::select! {
                    _ = tokio::time::timeout(PATIENCE, answer(stream, &board)) => {}
                    () = must_go => {}
                }
            });
        }
    };
    tokio::select! {
        () = take => {}
        _ = stop => {}
    }
    Ok(())
}

async fn answer(mut stream: TcpStream, board: &Board) -> io::Result<()> {
    let mut head = Vec::new();
    let page = loop {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
        if let Some(page) = page(&head, board) {
            break page;
        }
    };
    let Page { status, kind, body } = page;
    let length = body.len();
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await?;
    stream.shutdown().await
}

/// What is asked for by a head; none while it is not whole.
fn page(head: &[u8], board: &Board) -> Option<Page> {
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    match request.parse(head) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) if head.len() < LONGEST_HEAD => return None,
        _ => return Some(Page::text("400 Bad Request", "this is no HTTP/1 request\n")),
    }
    if request.method != Some("GET") {
        return Some(Page::text("405 Method Not Allowed", "only GET is answered\n"));
    }
    let path = request.path.unwrap_or_default().split('?').next().unwrap_or_default();
    let report = board.report();
    Some(match path {
        "/metrics" => Page {
            status: "200 OK",
            kind: "text/plain; version=0.0.4; charset=utf-8",
            body: report.to_prometheus(),
        },
        "/status" => match serde_json::to_string(&report) {
            Ok(body) => Page { status: "200 OK", kind: "application/json", body },
            Err(error) => Page::text("500 Internal Server Error", format!("{error}\n")),
        },
        "/healthz" | "/readyz" => {
            let Health { ills, works, serves } = report.health(clock::wall_ns());
            let is_well = if path == "/healthz" { works } else { serves };
            let status = if is_well { "200 OK" } else { "503 Service Unavailable" };
            let word = if is_well { "ok" } else { "not ok" };
            let lines = std::iter::once(word.to_owned()).chain(ills);
            Page::text(status, lines.map(|line| line + "\n").collect::<String>())
        }
        _ => Page::text("404 Not Found", "there are /metrics, /healthz, /readyz and /status\n"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::report::NodeReport;

    fn asked(head: &str) -> Option<(&'static str, String)> {
        let board = Board::default();
        let wall_ns = clock::wall_ns();
        board.pin(NodeReport { wall_ns, has_begun: true, ..NodeReport::default() });
        page(head.as_bytes(), &board).map(|page| (page.status, page.body))
    }

    #[test]
    fn pages_are_given_to_whoever_asks_well() {
        let get = |path: &str| asked(&format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
        for path in ["/healthz", "/readyz"] {
            assert_eq!(get(path), Some(("200 OK", "ok\n".to_owned())));
        }
        let (status, body) = get("/metrics?x=1").unwrap();
        assert_eq!(status, "200 OK");
        assert!(body.contains("perjury_node_up{node=\"0\"} 1\n"), "{body}");
        let (_, body) = get("/status").unwrap();
        assert!(body.starts_with("{\"format\":1,\"nodes\":[{\"node\":0,"), "{body}");
        assert_eq!(get("/").unwrap().0, "404 Not Found");
    }

    #[test]
    fn what_is_no_request_is_refused_and_half_of_one_awaited() {
        assert_eq!(asked("GET /healthz HTTP/1.1\r\nHost"), None);
        assert_eq!(asked("POST /status HTTP/1.1\r\n\r\n").unwrap().0, "405 Method Not Allowed");
        assert_eq!(asked("\u{0}\u{1}\u{2}").unwrap().0, "400 Bad Request");
        let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(LONGEST_HEAD));
        assert_eq!(asked(&long).unwrap().0, "400 Bad Request");
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(MOST_FIELDS + 1));
        assert_eq!(asked(&many).unwrap().0, "400 Bad Request");
    }
}
