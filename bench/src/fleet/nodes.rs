//! What is stored, and loses it: memcached servers, or a directory. They are kept by a process of
//! their own, which ends and removes them when the parent is gone, however that came about.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use cachekit_core::testkit::history::Record;
use cachekit_memcached::testkit::{self, Server};
use serde::{Deserialize, Serialize};

use crate::fleet::clock::{now, pass, some};
use crate::fleet::scene::{AFTER_LOSS, AWAY, BETWEEN_LOSSES};
use crate::{Failed, Outcome};

/// What the keeper is told.
#[derive(Debug, Serialize, Deserialize)]
struct Keeping {
    count: usize,
    arguments: Vec<String>,
    /// Goes away with the servers.
    folder: PathBuf,
}

/// What is stored, as the parent has it.
pub(super) struct Nodes {
    keeper: Child,
    /// Closed first when this is dropped: then the keeper ends.
    orders: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    addresses: Vec<String>,
    folder: PathBuf,
    lost: Vec<(u64, Option<u64>)>,
}

impl Nodes {
    /// Starts `count` servers; `folder` goes away with them. Without any, values are files in a
    /// directory below it.
    pub(super) fn start(count: usize, arguments: &[&str], folder: &Path) -> Result<Self, Failed> {
        let keeping = Keeping {
            count,
            arguments: arguments.iter().map(|&one| one.to_owned()).collect(),
            folder: folder.to_owned(),
        };
        let mut keeper = Command::new(std::env::current_exe()?)
            .args(["fleet-nodes", &serde_json::to_string(&keeping)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What a terminal sends to all of the fleet is not for who clears it away.
            .process_group(0)
            .spawn()?;
        let orders = keeper.stdin.take();
        let replies = keeper.stdout.take().ok_or("its output is piped")?;
        let mut nodes = Self {
            keeper,
            orders,
            replies: BufReader::new(replies),
            addresses: Vec::new(),
            folder: folder.to_owned(),
            lost: Vec::new(),
        };
        nodes.addresses = serde_json::from_str(&nodes.reply()?)?;
        Ok(nodes)
    }

    pub(super) fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Where values are files.
    pub(super) fn directory(&self) -> PathBuf {
        self.folder.join("values")
    }

    /// Takes away what is stored, again and again: a server at a time, or all files.
    pub(super) async fn lose(&mut self) -> Result<(), Failed> {
        loop {
            pass(BETWEEN_LOSSES).await;
            self.lost.push((now(), None));
            match self.addresses.len() {
                0 => self.lose_directory()?,
                count => self.lose_server(fastrand::usize(..count)).await?,
            }
            if let Some((_, back)) = self.lost.last_mut() {
                *back = Some(now());
            }
            // Meanwhile old values are excused: after that, for a while, none is.
            pass(AFTER_LOSS).await;
        }
    }

    /// Kills one, and starts it again after a while.
    async fn lose_server(&mut self, server: usize) -> Result<(), Failed> {
        self.order(&format!("kill {server}"))?;
        pass(AWAY + some(AWAY)).await;
        self.order(&format!("restart {server}"))
    }

    /// Removes all files at once: whoever has one open is left with what no path names.
    fn lose_directory(&self) -> Result<(), Failed> {
        let away = self.folder.join(format!("lost-{}", self.lost.len()));
        fs::rename(self.directory(), &away)?;
        // Somebody may yet write there. What stays goes away with the folder.
        let _ = fs::remove_dir_all(away);
        Ok(())
    }

    pub(super) fn records(&self) -> Vec<Record> {
        let record = |&(at, back): &_| Record::NodeLost { at, back };
        self.lost.iter().map(record).collect()
    }

    fn order(&mut self, order: &str) -> Result<(), Failed> {
        let orders = self.orders.as_mut().ok_or("the keeper is at its end")?;
        writeln!(orders, "{order}")?;
        self.reply().map(drop)
    }

    fn reply(&mut self) -> Result<String, Failed> {
        let mut line = String::new();
        match self.replies.read_line(&mut line)? {
            0 => Err("the servers could not be kept".into()),
            _ => Ok(line),
        }
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.keeper.wait();
    }
}

/// Keeps servers until standard input ends.
pub(crate) fn keep(keeping: &str) -> Outcome {
    let keeping: Keeping = serde_json::from_str(keeping)?;
    let _folder = Folder(keeping.folder);
    let arguments: Vec<&str> = keeping.arguments.iter().map(String::as_str).collect();
    let start = |_| Server::with_args(&arguments);
    let mut servers: Vec<Server> = (0..keeping.count).map(start).collect();
    println!("{}", serde_json::to_string(&testkit::addresses(&servers))?);
    for order in std::io::stdin().lines() {
        carry_out(&order?, &mut servers)?;
        println!("done");
    }
    Ok(std::process::ExitCode::SUCCESS)
}

/// Goes away when this is dropped: after the servers, and also when they cannot be started.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn carry_out(order: &str, servers: &mut [Server]) -> Result<(), Failed> {
    let (what, node) = order.split_once(' ').ok_or("an order names a server")?;
    let server = servers.get_mut(node.parse::<usize>()?);
    let server = server.ok_or("there are not as many servers")?;
    match what {
        "kill" => server.kill(),
        _ => server.restart(),
    }
    Ok(())
}
