//! Stories of frontends: how they connect, what reaches them, and how their connections end
//! (spec: `events.md`).

mod checks;
mod endings;
mod inference;
mod limits;
mod polling;
mod put;
mod sessions;
mod sse;
mod websocket;
