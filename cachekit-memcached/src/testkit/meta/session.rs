//! One connection: what has come and is not answered yet.

use super::line::Line;

const END: usize = b"\r\n".len();

/// A connection to a [`MetaServer`](super::MetaServer).
#[derive(Debug, Default)]
pub struct Session {
    unread: Vec<u8>,
}

/// A line, and the block that it announces with its line end; empty where it announces none.
pub(super) struct Command {
    pub(super) line: Vec<u8>,
    pub(super) data: Vec<u8>,
}

impl Session {
    /// A new connection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// The next command, if all of it has come.
    pub(super) fn next(&mut self) -> Option<Command> {
        let end = memchr::memchr(b'\n', &self.unread)?;
        let line = &self.unread[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
        let data = Line::new(&line).data_len().map_or(0, |len| len + END);
        if self.unread.len() < end + 1 + data {
            return None;
        }
        let mut taken = self.unread.drain(..end + 1 + data);
        let data = taken.by_ref().skip(end + 1).collect();
        drop(taken);
        Some(Command { line, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_there_when_its_last_byte_is() {
        let bytes = b"ms k 4 T0\r\na\nbc\r\nmn\r\n";
        let mut session = Session::new();
        let mut commands = Vec::new();
        for byte in bytes {
            session.take(&[*byte]);
            commands.extend(session.next().map(|command| (command.line, command.data)));
        }
        let expected = [
            (b"ms k 4 T0".to_vec(), b"a\nbc\r\n".to_vec()),
            (b"mn".to_vec(), Vec::new()),
        ];
        assert_eq!(commands, expected);
    }
}
