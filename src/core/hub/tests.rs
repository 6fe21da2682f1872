//! Stories of one machine or a few; what needs a bad network is in `sim`.

mod alone;
mod extremes;
mod forms;
mod pair;
mod parting;
mod resume;
mod sim;
mod slow;
mod turns;
mod unreadable;
