//! Real memcached processes.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, geteuid, kill_process, waitpid};

/// How long a server may take to listen, and how often it is looked at.
const START: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(5);

/// Where servers listen: so many ports from here on, below those that systems give away by themselves.
const FIRST_PORT: u16 = 12_000;
const PORTS: u16 = 20_000;

/// A memcached process of this test, alone on a free port of 127.0.0.1 or on a unix socket. It is
/// killed when this is dropped.
///
/// # Panics
/// Every method, when memcached is not installed or the process does not do what it should: a
/// test cannot go on then. Nothing is ever skipped.
#[derive(Debug)]
pub struct Server {
    args: Vec<String>,
    place: Place,
    child: Child,
}

#[derive(Clone, Debug)]
enum Place {
    Port(u16),
    Socket(PathBuf),
}

impl Server {
    /// Starts a server with one thread and memcached's own defaults.
    #[must_use]
    pub fn start() -> Self {
        Self::with_args(&[])
    }

    /// The same with more arguments, such as `["-I", "4m"]`.
    #[must_use]
    pub fn with_args(args: &[&str]) -> Self {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        // Another process may take the port between our look and memcached's.
        let started = (0..5).find_map(|_| {
            let place = Place::Port(free_port());
            let child = launch(&args, &place)?;
            Some((place, child))
        });
        let (place, child) = started.expect("memcached ends at once with these arguments");
        Self { args, place, child }
    }

    /// The same on a unix socket at `path`.
    #[must_use]
    pub fn on_socket(path: impl Into<PathBuf>, args: &[&str]) -> Self {
        let args: Vec<String> = args.iter().map(|&arg| arg.to_owned()).collect();
        let place = Place::Socket(path.into());
        let child = launch(&args, &place).expect("memcached ends at once with these arguments");
        Self { args, place, child }
    }

    /// Where it listens, in the form of `CACHEKIT_MEMCACHED_SERVERS`.
    #[must_use]
    pub fn address(&self) -> String {
        match &self.place {
            Place::Port(port) => format!("127.0.0.1:{port}"),
            Place::Socket(path) => format!("unix:{}", path.display()),
        }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process at once. Its port refuses connections from now on.
    pub fn kill(&mut self) {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the process is ours");
    }

    /// Starts it again, empty, at the same address and with the same arguments; kills it before
    /// if it runs.
    pub fn restart(&mut self) {
        self.kill();
        // The port may still be in use by what was killed.
        self.child = poll(|| launch(&self.args, &self.place)).expect("memcached starts again");
    }

    /// Stops the process (`SIGSTOP`) and waits until it stands: it accepts connections, because the
    /// kernel does, and never answers.
    pub fn stop(&self) {
        self.signal(Signal::STOP);
        waitpid(Some(self.process()), WaitOptions::UNTRACED).expect("the process is ours");
    }

    /// Lets it go on (`SIGCONT`).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// A number out of `stats`, such as `curr_items`.
    #[must_use]
    pub fn stat(&self, name: &str) -> u64 {
        let line = format!("STAT {name} ");
        let stats = self.command("stats", "END\r\n");
        let value = stats.lines().find_map(|row| row.strip_prefix(&line));
        value
            .and_then(|value| value.parse().ok())
            .expect("a statistic of this name")
    }

    /// Sends one line on a connection of its own, and reads until `end` has come.
    #[must_use]
    pub fn command(&self, line: &str, end: &str) -> String {
        let mut socket = self.connect().expect("the server listens");
        socket
            .write_all(format!("{line}\r\n").as_bytes())
            .expect("the server reads");
        let mut reply = Vec::new();
        let mut byte = [0];
        while !reply.ends_with(end.as_bytes()) {
            socket.read_exact(&mut byte).expect("the server answers");
            reply.push(byte[0]);
        }
        String::from_utf8_lossy(&reply).into_owned()
    }

    fn connect(&self) -> io::Result<Box<dyn Socket>> {
        connect(&self.place)
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.process(), signal).expect("the process is ours");
    }

    fn process(&self) -> Pid {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        pid.expect("a process id")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Place::Socket(path) = &self.place {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// The addresses of `servers`, for a configuration.
#[must_use]
pub fn addresses(servers: &[Server]) -> Vec<String> {
    servers.iter().map(Server::address).collect()
}

trait Socket: io::Read + io::Write {}
impl Socket for TcpStream {}
impl Socket for std::os::unix::net::UnixStream {}

fn connect(place: &Place) -> io::Result<Box<dyn Socket>> {
    match place {
        Place::Port(port) => Ok(Box::new(TcpStream::connect(("127.0.0.1", *port))?)),
        Place::Socket(path) => Ok(Box::new(std::os::unix::net::UnixStream::connect(path)?)),
    }
}

/// Another one with each call. None of those that the system gives to sockets which ask for no port:
/// one of these might be taken before memcached has it, even by the look whether it listens, which
/// then connects to itself.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Processes that run at the same time begin at other places.
    let first = (std::process::id() % 100) as u16 * 200;
    let free = |_| {
        let next = NEXT.fetch_add(1, Ordering::Relaxed) % PORTS;
        let port = FIRST_PORT + (first + next) % PORTS;
        let bound = TcpListener::bind(("127.0.0.1", port));
        bound.is_ok().then_some(port)
    };
    (0..PORTS).find_map(free).expect("a free port on 127.0.0.1")
}

/// Starts memcached and waits until it listens; `None` if it ends before.
fn launch(args: &[String], place: &Place) -> Option<Child> {
    let mut command = Command::new("memcached");
    match place {
        Place::Port(port) => {
            command.args(["-l", "127.0.0.1", "-U", "0", "-p", &port.to_string()]);
        }
        Place::Socket(path) => {
            command.arg("-s").arg(path);
        }
    }
    command.args(["-t", "1"]).args(args);
    if geteuid().is_root() {
        // It does not run as root unless it is told to.
        command.args(["-u", "root"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{}", missing(&error)));
    let listens = poll(|| {
        let ended = child.try_wait().expect("the process is ours").is_some();
        (ended || connect(place).is_ok()).then_some(!ended)
    });
    match listens {
        Some(true) => Some(child),
        Some(false) => None,
        None => {
            let _ = child.kill();
            let _ = child.wait();
            panic!("memcached did not listen within {START:?}")
        }
    }
}

fn missing(error: &io::Error) -> String {
    format!(
        "memcached cannot be started: {error}. These tests need it: `cargo xtask test` installs \
         it, or the package manager does."
    )
}

/// Asks `look` again and again until it has an answer or [`START`] is over.
fn poll<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let tries = START.as_millis() / LOOK.as_millis();
    for _ in 0..tries {
        if let Some(found) = look() {
            return Some(found);
        }
        std::thread::park_timeout(LOOK);
    }
    None
}
