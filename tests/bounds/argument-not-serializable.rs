use cachekit::cached;

pub struct Connection;

#[cached]
fn load(connection: &Connection, id: u64) -> u64 {
    let _ = connection;
    id
}

fn main() {}
