//! A server that gives the answers it was told, one per connection: for tests of whatever talks to a server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One answer.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, &'static str)>,
    /// Written one after the other, with `pause` in between.
    pieces: Vec<String>,
    pause: Duration,
}

/// What the server was asked.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Method and path.
    pub line: String,
    /// Header lines, names in lower case.
    pub headers: Vec<String>,
    /// The whole of it.
    pub body: String,
}

impl Reply {
    /// Status and body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, pieces: vec![body.into()], ..Self::default() }
    }

    /// Status 200 and a body that comes in pieces.
    #[must_use]
    pub fn pieces<S: Into<String>>(pieces: impl IntoIterator<Item = S>) -> Self {
        Self {
            status: 200,
            pieces: pieces.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Sets how long to wait after the head and each piece.
    #[must_use]
    pub fn with_pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }
}

/// Listens on a free port of this machine until the test ends; the last reply is repeated.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub address: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// If this machine has no free port.
    pub fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("the port's address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let mut replies: Vec<Reply> = replies.into_iter().collect();
        replies.reverse();
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let reply = if replies.len() > 1 { replies.pop() } else { replies.last().cloned() };
                let (seen, reply) = (Arc::clone(&seen), reply.unwrap_or_default());
                std::thread::spawn(move || answer(stream, &reply, &seen));
            }
        });
        Self { address, requests }
    }

    /// What it was asked so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The client may hang up at any time; that is no failure of the server's.
fn answer(mut stream: TcpStream, reply: &Reply, seen: &Mutex<Vec<Request>>) {
    let Some(request) = read_request(&stream) else { return };
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    let mut head = format!("HTTP/1.1 {} Status\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut parts = vec![format!("{head}\r\n")];
    parts.extend(reply.pieces.iter().cloned());
    for part in parts {
        if stream.write_all(part.as_bytes()).and_then(|()| stream.flush()).is_err() {
            return;
        }
        std::thread::sleep(reply.pause);
    }
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_string();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let mut lines = lines.into_iter();
    let line = lines.next()?;
    let headers: Vec<String> = lines
        .filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some(format!("{}: {}", name.to_lowercase(), value.trim()))
        })
        .collect();
    let length = headers.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(Ok(0), str::parse).ok()?];
    reader.read_exact(&mut body).ok()?;
    Some(Request { line, headers, body: String::from_utf8_lossy(&body).into_owned() })
}
