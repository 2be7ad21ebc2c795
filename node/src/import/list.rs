//! Distribution lists.
