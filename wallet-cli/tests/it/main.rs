//! Tests of the program as it is run: the real binary, real folders, real files.

mod camp;
mod cards;
mod carry;
mod clocks;
mod consent;
mod counter;
mod demo;
mod entitle;
mod family;
mod faults;
mod founding;
mod help;
mod islands;
mod keeping;
mod lan;
mod network;
mod outside;
mod pay;
mod pins;
mod running;
mod settle;
mod stopped;
mod strangers;
mod terminal;
mod vouch;
mod wrong_files;
