//! Sequences of commands that a seed makes.

use crate::step::Step;
use cachekit_core::testkit::schedules::Chance;

/// How many commands a sequence has.
const LENGTH: usize = 30;
/// The keys that end in `b` are written in base64: with the digits of a sequence behind, each has
/// eight characters.
const KEYS: [&str; 3] = ["a", "c", "b"];
/// None from 2^63 on, where memcached reads what lies behind the number, and may refuse to count.
const VALUES: [&str; 7] = ["", "7", "99", "abc", "longer than others", "99999999", "-1"];
/// So long or so short that it does not matter whether a second passes.
const TTLS: [&str; 6] = ["0", "1000", "1000", "2592000", "-1", "2592001"];
const EARLY: [&str; 4] = ["500", "2000", "0", "-1"];
/// Of reads and counters: they may tell the time left, which has no meaning where it is over.
const HOLDS: [&str; 4] = ["300", "300", "0", "3000"];

/// Makes a command of one kind, for a key that is written in base64 or is not.
type Kind = fn(&mut Chance, bool) -> String;

/// The sequence of `seed`.
pub(crate) fn sequence(seed: u64) -> Vec<Step> {
    let mut chance = Chance::new(seed);
    (0..LENGTH).map(|_| step(&mut chance)).collect()
}

fn step(chance: &mut Chance) -> Step {
    let key = chance.pick(&KEYS);
    let base64 = key == "b";
    let kinds: [(u64, Kind); 6] = [
        (8, get),
        (6, set),
        (4, delete),
        (3, count),
        (4, classic),
        (1, mistaken),
    ];
    let text = chance.weighted(&kinds)(chance, base64);
    Step::new(key, text)
}

/// Some of `flags` in any order.
fn some(chance: &mut Chance, base64: bool, flags: &[(u64, String)]) -> String {
    let mut taken: Vec<&str> = Vec::new();
    for (one_in, flag) in flags {
        if chance.one_in(*one_in) {
            taken.insert(chance.index(taken.len() + 1), flag);
        }
    }
    if base64 {
        taken.insert(chance.index(taken.len() + 1), "b");
    }
    taken.iter().map(|flag| format!(" {flag}")).collect()
}

fn with(flag: char, value: &str) -> String {
    format!("{flag}{value}")
}

fn of(flag: char) -> String {
    flag.to_string()
}

fn cas(chance: &mut Chance) -> String {
    with(
        'C',
        chance.pick(&["CAS", "CAS", "CAS", "OLD", "0", "99999999"]),
    )
}

fn get(chance: &mut Chance, base64: bool) -> String {
    let flags = [
        (2, of('v')),
        (1, of('c')),
        (2, of('t')),
        (3, of('f')),
        (3, of('s')),
        (4, of('k')),
        (6, of('q')),
        (6, with('O', "123")),
        (3, with('N', chance.pick(&HOLDS))),
        (3, with('R', chance.pick(&EARLY))),
        (6, with('T', chance.pick(&HOLDS))),
    ];
    format!("mg KEY{}\r\n", some(chance, base64, &flags))
}

fn set(chance: &mut Chance, base64: bool) -> String {
    let value = chance.pick(&VALUES);
    let flags = [
        (2, with('T', chance.pick(&TTLS))),
        (4, with('F', chance.pick(&["0", "5", "4294967295"]))),
        (2, cas(chance)),
        (5, of('I')),
        (3, with('M', chance.pick(&["E", "A", "P", "R", "S"]))),
        (2, of('c')),
        (5, of('k')),
        (5, of('q')),
        (5, with('O', "9")),
        (9, of('s')),
    ];
    let flags = some(chance, base64, &flags);
    format!("ms KEY {}{flags}\r\n{value}\r\n", value.len())
}

fn delete(chance: &mut Chance, base64: bool) -> String {
    let flags = [
        (2, of('I')),
        (4, with('T', chance.pick(&TTLS))),
        (3, cas(chance)),
        (5, of('q')),
        (5, of('k')),
        (5, with('O', "abc")),
    ];
    format!("md KEY{}\r\n", some(chance, base64, &flags))
}

fn count(chance: &mut Chance, base64: bool) -> String {
    let flags = [
        (3, with('N', chance.pick(&HOLDS))),
        (3, with('J', chance.pick(&["0", "13", "9999"]))),
        (2, with('D', chance.pick(&["1", "990", "9990"]))),
        (3, with('M', chance.pick(&["I", "D", "+", "-", "i"]))),
        (5, with('T', chance.pick(&HOLDS))),
        (4, cas(chance)),
        (2, of('c')),
        (2, of('t')),
        (2, of('v')),
        (5, of('q')),
        (5, of('k')),
    ];
    format!("ma KEY{}\r\n", some(chance, base64, &flags))
}

/// Classic commands have no base64: there they are for a key of their own.
fn classic(chance: &mut Chance, _: bool) -> String {
    let (value, ttl) = (chance.pick(&VALUES), chance.pick(&TTLS));
    let store = chance.pick(&["set", "set", "add", "replace", "append", "prepend"]);
    let cas = chance.pick(&["CAS", "CAS", "OLD", "0"]);
    let length = value.len();
    chance.pick(&[
        "get KEY\r\n".to_owned(),
        "gets KEY KEYx KEY\r\n".to_owned(),
        format!("gat {ttl} KEY\r\n"),
        format!("gats {ttl} KEY\r\n"),
        format!("touch KEY {ttl}\r\n"),
        format!("{store} KEY 3 {ttl} {length}\r\n{value}\r\n"),
        format!("{store} KEY 0 {ttl} {length}\r\n{value}\r\n"),
        format!("cas KEY 1 {ttl} {length} {cas}\r\n{value}\r\n"),
        "delete KEY\r\n".to_owned(),
        "incr KEY 990\r\n".to_owned(),
        "decr KEY 3\r\n".to_owned(),
    ])
}

/// What no client should send, and what is not understood.
fn mistaken(chance: &mut Chance, _: bool) -> String {
    let long = "x".repeat(251);
    let opaque = "1".repeat(32);
    chance.pick(&[
        "mg KEY v v\r\n".to_owned(),
        "mg KEY z\r\n".to_owned(),
        "mg KEY E1\r\n".to_owned(),
        "mg KEY N\r\n".to_owned(),
        format!("mg KEY O{opaque}\r\n"),
        format!("mg {long} v\r\n"),
        "mg KEY= b\r\n".to_owned(),
        "mg\r\n".to_owned(),
        "ms KEY 2 T0 T1\r\nab\r\n".to_owned(),
        "ms KEY 2 Cx\r\nab\r\n".to_owned(),
        "ms KEY 2 E7\r\nab\r\n".to_owned(),
        "ms KEY 2 MX\r\nab\r\n".to_owned(),
        "ms KEY 2 MSS\r\nab\r\n".to_owned(),
        "ms KEY 1 T0\r\nab\r\n".to_owned(),
        "ms KEY\r\n".to_owned(),
        "ms KEY x\r\n".to_owned(),
        "md KEY x\r\n".to_owned(),
        "md KEY q q\r\n".to_owned(),
        format!("md {long}\r\n"),
        "ma KEY Dx\r\n".to_owned(),
        "ma KEY N0 Jx\r\n".to_owned(),
        "incr KEY x\r\n".to_owned(),
        "touch KEY x\r\n".to_owned(),
        "gat x KEY\r\n".to_owned(),
        "get\r\n".to_owned(),
        "set KEY 0 0\r\n".to_owned(),
        "set KEY x 0 1\r\n".to_owned(),
        "set KEY 0 0 1\r\nab\r\n".to_owned(),
        "nothing KEY\r\n".to_owned(),
        "\r\n".to_owned(),
        "mn\r\n".to_owned(),
        "version\r\n".to_owned(),
    ])
}
