//! The #[cached] attribute
