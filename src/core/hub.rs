//! Placeholder until the hub is merged.
pub mod cursor;
pub mod delivery;
pub mod input;
pub mod output;
pub mod position;
/// Placeholder.
pub mod wire {
    /// Placeholder.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct WireFault;
}
