//! Waiting for what has to happen, in every test binary by its own `DEADLINE`.

use std::time::Duration;

use super::DEADLINE;

/// Looks again and again until `look` has an answer.
///
/// # Panics
/// If it has none within [`DEADLINE`].
pub(crate) async fn eventually<T, F>(mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let looking = async {
        loop {
            if let Some(answer) = look().await {
                return answer;
            }
            ticks.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, looking)
        .await
        .expect("it does not happen")
}
