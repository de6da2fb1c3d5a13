//! The event loop of a command.

/// An event loop for a command.
///
/// # Errors
/// There are no descriptors for it.
pub(crate) fn event_loop() -> std::io::Result<tokio::runtime::Runtime> {
    cla_runtime::semaphore::descriptors::for_an_event_loop()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}
