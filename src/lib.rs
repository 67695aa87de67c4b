//! CacheKit
