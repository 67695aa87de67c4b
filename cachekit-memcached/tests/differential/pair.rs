//! The real server and the one in memory, side by side.

use std::collections::HashMap;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use cachekit_memcached::testkit::{MetaServer, Options, Server, Session};

use crate::step::{Step, told_cas};

/// What both answered to the same command.
#[derive(Debug)]
pub(crate) struct Difference {
    pub(crate) command: String,
    pub(crate) real: String,
    pub(crate) memory: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            command,
            real,
            memory,
        } = self;
        write!(f, "{command:?}\n  real    {real:?}\n  memory  {memory:?}")
    }
}

/// Both servers have got the same commands since they were started: so they count the same CAS
/// numbers.
pub(crate) struct Pair {
    _server: Server,
    socket: TcpStream,
    memory: MetaServer,
    session: Session,
    /// How many sequences were tried, each with keys of its own.
    sequences: u64,
}

impl Pair {
    pub(crate) fn start(args: &[&str]) -> Self {
        let server = Server::with_args(args);
        let socket = TcpStream::connect(server.address()).expect("the server listens");
        socket.set_nodelay(true).expect("a socket");
        let options = Options {
            cas: !args.contains(&"-C"),
            ..Options::default()
        };
        Self {
            _server: server,
            socket,
            memory: MetaServer::new(options),
            session: Session::new(),
            sequences: 0,
        }
    }

    /// Carries `steps` out within one second of the real server's clock, on keys that were never
    /// used; the first that is answered differently.
    pub(crate) fn first_difference(&mut self, steps: &[Step]) -> Option<Difference> {
        loop {
            self.on_new_keys();
            let now = self.clock();
            let mut seen = Seen::default();
            let differences: Vec<_> = steps
                .iter()
                .filter_map(|step| self.step(step, now, &mut seen))
                .collect();
            // Else a time left that is another tells nothing.
            if self.clock() == now {
                return differences.into_iter().next();
            }
        }
    }

    /// From now on keys are others than before.
    pub(crate) fn on_new_keys(&mut self) {
        self.sequences += 1;
    }

    /// Carries `step` out at `now`, and answers with what was answered differently.
    pub(crate) fn step(&mut self, step: &Step, now: u64, seen: &mut Seen) -> Option<Difference> {
        let key = format!("{}{:07}", step.key, self.sequences);
        let command = step.command(&key, seen.numbers(&step.key));
        let (real, memory) = self.both(&command, now);
        seen.take(&step.key, &real);
        (real != memory).then_some(Difference {
            command,
            real,
            memory,
        })
    }

    /// What the real server and the one in memory answer to `command`.
    pub(crate) fn both(&mut self, command: &str, now: u64) -> (String, String) {
        (self.ask(command), self.ask_memory(command, now))
    }

    /// The second that the real server's clock shows.
    pub(crate) fn clock(&mut self) -> u64 {
        let stats = self.ask("stats\r\n");
        let time = stats.lines().find_map(|row| row.strip_prefix("STAT time "));
        let time = time.and_then(|time| time.parse().ok());
        time.unwrap_or_else(|| panic!("no clock in {stats:?}"))
    }

    /// All that is answered to `command`, which may be nothing.
    fn ask(&mut self, command: &str) -> String {
        // No other command is answered like this.
        const END: &str = "EN kend\r\n";
        let command = format!("{command}mg end k\r\n");
        self.socket.write_all(command.as_bytes()).expect("it reads");
        let (mut reply, mut piece) = (Vec::new(), [0; 4096]);
        while !reply.ends_with(END.as_bytes()) {
            let length = self.socket.read(&mut piece).expect("it answers");
            assert_ne!(length, 0, "it hung up on {command:?}");
            reply.extend_from_slice(&piece[..length]);
        }
        reply.truncate(reply.len() - END.len());
        String::from_utf8_lossy(&reply).into_owned()
    }

    fn ask_memory(&mut self, command: &str, now: u64) -> String {
        let mut reply = Vec::new();
        let bytes = command.as_bytes();
        self.memory
            .answer(&mut self.session, bytes, now, &mut reply);
        String::from_utf8_lossy(&reply).into_owned()
    }
}

/// The CAS numbers that were told last, and before that, for each key.
#[derive(Debug, Default)]
pub(crate) struct Seen(HashMap<String, (u64, u64)>);

impl Seen {
    fn numbers(&self, key: &str) -> (u64, u64) {
        self.0.get(key).copied().unwrap_or((1, 1))
    }

    fn take(&mut self, key: &str, reply: &str) {
        let (last, _) = self.numbers(key);
        if let Some(cas) = told_cas(reply)
            && cas != last
        {
            self.0.insert(key.to_owned(), (cas, last));
        }
    }
}
