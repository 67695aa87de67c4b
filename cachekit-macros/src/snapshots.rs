//! What typical functions become.

use proc_macro2::TokenStream;

type Attribute = fn(TokenStream, TokenStream) -> TokenStream;

fn expanded(attribute: Attribute, options: &str, item: &str) -> String {
    let parse = |text: &str| text.parse::<TokenStream>().unwrap();
    let tokens = attribute(parse(options), parse(item));
    prettyplease::unparse(&syn::parse2(tokens).unwrap())
}

macro_rules! snapshots {
    ($attribute:ident by $expand:path; $($name:ident: $options:literal, $item:literal;)*) => {$(
        #[test]
        fn $name() {
            insta::with_settings!({
                snapshot_path => "../tests/snapshots",
                prepend_module_to_snapshot => false,
                description => concat!("#[", stringify!($attribute), "(", $options, ")]\n", $item),
                omit_expression => true,
            }, {
                insta::assert_snapshot!(stringify!($name), expanded($expand, $options, $item));
            });
        }
    )*};
}

snapshots! {
    cached by crate::expand::cached;
    sync_function: "ttl = 60",
        "pub fn profile(id: u64, name: &str) -> Profile { load(id, name) }";
    async_function_that_owns_its_arguments: "",
        "async fn profile(id: u64) -> Result<Profile, DbError> { db::load(id).await }";
    generic_function_with_options:
        "key = \"{tenant}:{pair.0}\", ttl = ttl_of(&pair), condition = tenant > 0, \
         unless = result.is_none(), cache_none, local, cache = CACHE, namespace = \"n\", version = 2",
        "fn find<T: Load>(tenant: u64, pair: (String, T)) -> Option<T::Row> { T::load(tenant, pair) }";
    policy_and_tags: "ttl = \"10m\", grace = 0, timeout = \"1s500ms\", negative_ttl = 30, \
         tags = [\"user:{id}\", \"users\"], companions = false",
        "async fn profile(id: u64) -> Result<Option<Profile>, DbError> { db::load(id).await }";
    entry_for_each_id: "many, ttl = 60, tags = [\"user:{ids}\"], companions = false",
        "async fn profiles(ids: Vec<u64>, locale: &str) -> Result<HashMap<u64, Profile>, DbError> \
         { db::load(ids, locale).await }";
    method: "key = (self.tenant, id)",
        "pub async fn profile(&self, id: u64) -> Result<Profile, DbError> { self.db.load(id).await }";
    method_under_async_trait: "skip(self)",
        "fn profile<'a, 'async_trait>(&'a self, id: u64) \
         -> Pin<Box<dyn Future<Output = Profile> + Send + 'async_trait>> where 'a: 'async_trait \
         { Box::pin(async move { let __self = self; __self.load(id).await }) }";
}

snapshots! {
    removes by crate::removes::removes;
    removal_after_a_sync_function: "profile(id), users::list(&team, 1 + page), tag = \"team:{team}\"",
        "pub fn rename(id: u64, team: String, page: u64) -> Result<(), DbError> { store(id, team) }";
    removal_of_what_the_result_names: "self.profile(result.id, team), tag = \"{team}:{result.id}\"",
        "async fn create(&mut self, team: String) -> Result<User, DbError> { self.db.add(team).await }";
}
