cachekit::caches! { catalog, shop_port }

fn main() {}
