//! A hashing client over many memcached servers, and the backend made of it
