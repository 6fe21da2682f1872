//! The properties of cluster.md, part 14, as far as they concern one machine or a few on a good
//! network. What needs a bad network is in `test/sim`. Property 40 belongs to the canonical form.

mod bench;
mod faults;
mod gone;
mod lives;
mod losses;
mod newcomers;
mod puppet;
mod receipts;
mod rounds;
mod wire;
mod writes;
