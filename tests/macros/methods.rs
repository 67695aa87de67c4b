//! Methods, associated functions, trait implementations.

use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use cachekit::cached;

use crate::origin::Origin;

#[derive(Clone)]
struct Shop {
    tenant: u32,
    origin: Arc<Origin>,
}

impl Shop {
    fn new(tenant: u32) -> Self {
        Self {
            tenant,
            origin: Arc::new(Origin::new()),
        }
    }

    #[cached(key = "{self.tenant}:{id}")]
    pub(crate) fn price(&self, id: u32) -> u32 {
        self.origin.ask();
        self.tenant * 100 + id
    }

    #[cached(key = (self.tenant, name))]
    pub(crate) async fn stock(&self, name: &str) -> Result<usize, String> {
        self.origin.ask();
        tokio::task::yield_now().await;
        Ok(name.len())
    }

    #[cached(skip(self))]
    pub(crate) fn rate(&self, currency: &str) -> String {
        self.origin.ask();
        format!("{currency} of {}", self.tenant)
    }

    #[cached(key = (self.tenant, id))]
    pub(crate) fn shared(self: &Arc<Self>, id: u32) -> u32 {
        self.origin.ask();
        id
    }

    #[cached(key = (self.tenant,))]
    pub(crate) fn consumed(self) -> u32 {
        self.origin.ask();
        self.tenant
    }

    #[cached]
    pub(crate) fn of(tenant: u32) -> Vec<u32> {
        Self::new(tenant).price(1);
        vec![tenant]
    }

    #[cached(key = "{self.tenant}")]
    fn private(&self) -> u32 {
        self.origin.ask();
        self.tenant
    }
}

#[test]
fn instances_are_told_apart_by_the_key() {
    let (one, two) = (Shop::new(1), Shop::new(2));
    assert_eq!((one.price(7), one.price(7)), (107, 107));
    assert_eq!(two.price(7), 207);
    assert_eq!((one.origin.asked(), two.origin.asked()), (1, 1));
}

#[test]
fn a_method_has_its_companions_beside_it() {
    let shop = Shop::new(3);
    assert_eq!(shop.price_peek(1), None);
    assert_eq!(shop.price(1), 301);
    assert_eq!(shop.price_peek(1), Some(301));
    shop.price_remove(1).unwrap();
    assert_eq!(shop.price_peek(1), None);
    shop.price_prime(1, 5).unwrap();
    assert_eq!(shop.price(1), 5);
    assert_eq!(shop.price_refresh(1), 301);
    assert_eq!(shop.price(1), 301);
    shop.price_expire(1).unwrap();
    assert_eq!(shop.price_uncached(1), 301);
    assert_eq!(shop.origin.asked(), 3);
}

#[tokio::test]
async fn an_async_method_is_cached() {
    let shop = Shop::new(4);
    assert_eq!(shop.stock("tea").await, Ok(3));
    assert_eq!(shop.stock("tea").await, Ok(3));
    assert_eq!(shop.origin.asked(), 1);
    shop.stock_remove("tea").await.unwrap();
    assert_eq!(shop.stock("tea").await, Ok(3));
    assert_eq!(shop.origin.asked(), 2);
}

#[test]
fn instances_share_what_says_so() {
    let (one, two) = (Shop::new(5), Shop::new(6));
    assert_eq!(one.rate("eur"), "eur of 5");
    assert_eq!(two.rate("eur"), "eur of 5");
    assert_eq!((one.origin.asked(), two.origin.asked()), (1, 0));
}

#[test]
fn receivers_of_every_kind_work() {
    let shop = Arc::new(Shop::new(7));
    assert_eq!((shop.shared(1), shop.shared(1)), (1, 1));
    assert_eq!(shop.origin.asked(), 1);
    let shop = Shop::new(8);
    assert_eq!((shop.clone().consumed(), shop.clone().consumed()), (8, 8));
    assert_eq!(shop.origin.asked(), 1);
    assert_eq!((shop.private(), shop.private()), (8, 8));
    assert_eq!(shop.origin.asked(), 2);
}

#[test]
fn an_associated_function_that_names_self_has_companions_beside_it() {
    assert_eq!(Shop::of(1), [1]);
    assert_eq!(Shop::of_peek(1), Some(vec![1]));
}

trait Catalogue {
    fn title(&self, id: u32) -> String;
    fn of_all(id: u32) -> String
    where
        Self: Sized;
    fn first(&self) -> String;
}

trait Titled: Catalogue {
    fn origin(&self) -> &Origin;

    #[cached(skip(self))]
    fn shout(&self, id: u32) -> String {
        self.origin().ask();
        self.title(id).to_uppercase()
    }
}

impl Catalogue for Shop {
    #[cached(key = (self.tenant, id))]
    fn title(&self, id: u32) -> String {
        self.origin.ask();
        format!("shop {id}")
    }

    #[cached(companions = false)]
    fn of_all(id: u32) -> String {
        format!("shops {id}")
    }

    #[cached(skip(self))]
    fn first(&self) -> String {
        "first shop".to_owned()
    }
}

impl Titled for Shop {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

struct Library {
    tenant: u32,
    origin: Origin,
}

impl Catalogue for Library {
    #[cached(key = (self.tenant, id))]
    fn title(&self, id: u32) -> String {
        self.origin.ask();
        format!("library {id}")
    }

    #[cached(companions = false)]
    fn of_all(id: u32) -> String {
        format!("libraries {id}")
    }

    #[cached(skip(self))]
    fn first(&self) -> String {
        "first library".to_owned()
    }
}

impl Titled for Library {
    fn origin(&self) -> &Origin {
        &self.origin
    }
}

#[test]
fn implementations_of_one_trait_share_nothing() {
    let shop = Shop::new(9);
    let library = Library {
        tenant: 9,
        origin: Origin::new(),
    };
    for _ in 0..2 {
        assert_eq!(shop.title(1), "shop 1");
        assert_eq!(library.title(1), "library 1");
        assert_eq!(Shop::of_all(1), "shops 1");
        assert_eq!(Library::of_all(1), "libraries 1");
        assert_eq!(shop.first(), "first shop");
        assert_eq!(library.first(), "first library");
    }
    assert_eq!((shop.origin.asked(), library.origin.asked()), (1, 1));
}

#[test]
fn a_default_method_is_cached_for_each_type() {
    let shop = Shop::new(10);
    let library = Library {
        tenant: 10,
        origin: Origin::new(),
    };
    for _ in 0..2 {
        assert_eq!(shop.shout(2), "SHOP 2");
        assert_eq!(library.shout(2), "LIBRARY 2");
    }
}

#[async_trait]
trait Users: Sync {
    async fn name(&self, id: u32, greeting: &str) -> Result<String, String>;
    async fn count(&self) -> usize;
}

#[async_trait]
impl Users for Shop {
    #[cached(key = (self.tenant, id, greeting), ttl = "1m")]
    async fn name(&self, id: u32, greeting: &str) -> Result<String, String> {
        self.origin.ask();
        tokio::task::yield_now().await;
        if id == 0 {
            return Err(format!("{greeting}, nobody"));
        }
        let name = format!("{greeting}, user {id} of {}", self.tenant);
        Ok(name)
    }

    #[cached(key = "{self.tenant}")]
    async fn count(&self) -> usize {
        self.origin.ask();
        3
    }
}

#[tokio::test]
async fn a_method_under_async_trait_is_cached() {
    let shop = Shop::new(11);
    let users: &dyn Users = &shop;
    for _ in 0..2 {
        assert_eq!(users.name(1, "hello").await.unwrap(), "hello, user 1 of 11");
        assert_eq!(users.count().await, 3);
    }
    assert_eq!(shop.origin.asked(), 2);
    assert!(users.name(0, "hello").await.is_err());
    assert!(users.name(0, "hello").await.is_err());
    assert_eq!(shop.origin.asked(), 4);
}

trait Prices {
    async fn price_of(&self, id: u32) -> u32;
}

impl Prices for Shop {
    #[cached(key = (self.tenant, id))]
    async fn price_of(&self, id: u32) -> u32 {
        self.origin.ask();
        id + self.tenant
    }
}

#[tokio::test]
async fn an_async_method_of_a_trait_is_cached() {
    let shop = Shop::new(12);
    assert_eq!(shop.price_of(1).await, 13);
    assert_eq!(shop.price_of(1).await, 13);
    assert_eq!(shop.origin.asked(), 1);
}

#[tokio::test]
async fn a_boxed_future_written_by_hand_is_cached() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn boxed(id: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
        Box::pin(async move {
            ORIGIN.ask();
            id + 1
        })
    }
    assert_eq!((boxed(1).await, boxed(1).await), (2, 2));
    assert_eq!(ORIGIN.asked(), 1);
}

struct Store<T>(T);

impl<T: Default + ToString> Store<T> {
    #[cached(companions = false)]
    fn zero(prefix: u32) -> String {
        format!("{prefix}{}", T::default().to_string())
    }

    #[cached(skip(self))]
    pub(crate) fn kept(&self, prefix: u32) -> String {
        format!("{prefix}{}", self.0.to_string())
    }
}

#[test]
fn the_types_of_a_generic_impl_form_the_key_even_where_nothing_mentions_them() {
    assert_eq!(Store::<u8>::zero(1), "10");
    assert_eq!(Store::<bool>::zero(1), "1false");
    assert_eq!(Store(5_u8).kept(1), "15");
    assert_eq!(Store(true).kept(1), "1true");
    assert_eq!(Store(7_u8).kept(1), "15");
}
