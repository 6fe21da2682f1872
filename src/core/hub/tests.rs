//! Stories of one machine or a few; what needs a bad network is in `sim`.

mod alone;
mod carrying;
mod copying;
mod delivery;
mod extremes;
mod forms;
mod parting;
mod remembering;
mod resume;
mod revoking;
mod sim;
mod slow;
mod town;
mod turns;
mod unreadable;
