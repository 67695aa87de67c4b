//! What lets model tests run threads in every order: shuttle decides at these points who goes on.

/// Before and after every lock, in a model test; elsewhere nothing happens.
pub(super) fn others_may_go_on() {
    if shuttle::current::try_get_current_task().is_some() && !std::thread::panicking() {
        shuttle::thread::yield_now();
    }
}
