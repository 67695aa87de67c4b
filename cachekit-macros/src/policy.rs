//! What a function asks for beside its values, as a part of its description.

use std::time::Duration;

use proc_macro2::TokenStream;
use quote::quote;

use crate::args::Options;
use crate::ttl::Ttl;

/// `.policy(…)` for the static that describes the function; nothing where nothing is asked for.
pub(crate) fn of(options: &Options, runtime: &TokenStream) -> Option<TokenStream> {
    let ttl = match options.ttl {
        Some(Ttl::Fixed(ttl)) => Some(ttl),
        Some(Ttl::Computed(_)) | None => None,
    };
    let durations = [
        (quote!(ttl), ttl),
        (quote!(grace), options.grace),
        (quote!(timeout), options.timeout),
        (quote!(negative_ttl), options.negative_ttl),
    ];
    let flags = [
        (quote!(stale_while_refresh), &options.stale_while_refresh),
        (quote!(cache_none), &options.cache_none),
    ];
    let durations = durations.into_iter().filter_map(|(name, given)| {
        let duration = duration(given?);
        Some(quote!(.#name(#duration)))
    });
    let flags = flags
        .into_iter()
        .filter_map(|(name, given)| given.as_ref().map(|_| quote!(.#name())));
    let asked: TokenStream = durations.chain(flags).collect();
    (!asked.is_empty()).then(|| quote!(.policy(#runtime::Policy::new() #asked)))
}

fn duration(duration: Duration) -> TokenStream {
    let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    quote!(::core::time::Duration::from_millis(#milliseconds))
}
