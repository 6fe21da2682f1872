//! Stories of frontends: how they connect, what reaches them, and how their connections end.
