//! Finds what can be changed in a file: operators, conditions, arms, bodies, and the words of this ledger that have an
//! opposite (`credit` and `debit`).

use std::ops::Range;

use anyhow::{Context, Result};
use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, UnOp};

use crate::values::instead_of;

/// One change.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// The bytes it concerns, in the file as it is.
    pub place: Range<usize>,
    /// What happens to them.
    pub how: How,
    /// `ledger/src/cut.rs:41:9: replace < with <= in below`.
    pub name: String,
}

/// What happens to a place.
#[derive(Clone, Debug)]
pub enum How {
    /// This expression stands instead of the one there.
    Expression(String),
    /// The function whose body begins there answers this at once.
    Body(String),
    /// The arm whose pattern ends there is never taken.
    Arm,
}

/// What there is to change in a file, and where its `const fn` say `const`.
#[derive(Default)]
pub struct Found {
    /// The changes, as they stand in the file.
    pub mutants: Vec<Mutant>,
    /// A function's name and its word `const`: a switch is nothing the compiler could evaluate.
    pub constants: Vec<(String, Range<usize>)>,
}

/// Finds the changes of a file.
///
/// # Errors
///
/// Where it is no Rust.
pub fn find(file: &str, text: &str) -> Result<Found> {
    let parsed = syn::parse_file(text).with_context(|| file.to_owned())?;
    let mut finder = Finder { file, text, functions: Vec::new(), found: Found::default() };
    finder.visit_file(&parsed);
    Ok(finder.found)
}

struct Finder<'a> {
    file: &'a str,
    text: &'a str,
    functions: Vec<String>,
    found: Found,
}

impl Finder<'_> {
    fn add(&mut self, at: Span, place: Range<usize>, what: &str, how: How) {
        let (start, function) = (at.start(), self.functions.join("::"));
        let (line, column) = (start.line, start.column + 1);
        let name = format!("{}:{line}:{column}: {what} in {function}", self.file);
        self.found.mutants.push(Mutant { place, how, name });
    }

    fn source(&self, of: &impl Spanned) -> &str {
        &self.text[of.span().byte_range()]
    }

    fn within(&mut self, name: String, visit: impl FnOnce(&mut Self)) {
        self.functions.push(name);
        visit(self);
        self.functions.pop();
    }

    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        if let Some(word) = &signature.constness {
            let place = word.span().byte_range();
            self.found.constants.push((signature.ident.to_string(), place));
        }
        let body = block.brace_token.span.open();
        let at = body.byte_range().end;
        let span = signature.ident.span();
        for value in instead_of(&signature.output) {
            let what = format!("answer {}", if value.is_empty() { "()" } else { &value });
            self.add(span, at..at, &what, How::Body(value));
        }
    }

    /// A condition without an operator of its own, turned round.
    fn condition(&mut self, condition: &Expr) {
        if let Expr::Call(_)
        | Expr::MethodCall(_)
        | Expr::Macro(_)
        | Expr::Path(_)
        | Expr::Field(_) = condition
        {
            let not = format!("!({})", self.source(condition));
            let place = condition.span().byte_range();
            self.add(condition.span(), place, "negate the condition", How::Expression(not));
        }
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !for_tests(&item.attrs) {
            let name = item.ident.to_string();
            self.within(name, |s| visit::visit_item_mod(s, item));
        }
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        if for_tests(&item.attrs) {
            return;
        }
        self.within(item.sig.ident.to_string(), |s| {
            s.function(&item.sig, &item.block);
            visit::visit_item_fn(s, item);
        });
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let of = item.trait_.as_ref().and_then(|(_, path, _)| path.segments.last());
        // What is printed while somebody looks for a fault is no rule.
        if of.is_some_and(|name| name.ident == "Debug") || for_tests(&item.attrs) {
            return;
        }
        let name = self.source(&*item.self_ty).to_owned();
        self.within(name, |s| visit::visit_item_impl(s, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        if for_tests(&item.attrs) {
            return;
        }
        self.within(item.sig.ident.to_string(), |s| {
            s.function(&item.sig, &item.block);
            visit::visit_impl_item_fn(s, item);
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.within(item.sig.ident.to_string(), |s| {
                s.function(&item.sig, block);
                visit::visit_trait_item_fn(s, item);
            });
        }
    }

    // The compiler evaluates these.
    fn visit_item_const(&mut self, _: &'ast syn::ItemConst) {}
    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_item_static(&mut self, _: &'ast syn::ItemStatic) {}
    fn visit_item_enum(&mut self, _: &'ast syn::ItemEnum) {}
    fn visit_type(&mut self, _: &'ast syn::Type) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_expr_repeat(&mut self, of: &'ast syn::ExprRepeat) {
        self.visit_expr(&of.expr);
    }

    fn visit_expr_binary(&mut self, of: &'ast syn::ExprBinary) {
        let chain = matches!(of.op, BinOp::And(_)) && (has_let(&of.left) || has_let(&of.right));
        if !chain {
            let (left, right) = (self.source(&*of.left), self.source(&*of.right));
            let old = self.source(&of.op).to_owned();
            let changed: Vec<_> = opposites(&of.op)
                .iter()
                .map(|new| (new, format!("({left}) {new} ({right})")))
                .collect();
            for (new, changed) in changed {
                let what = format!("replace {old} with {new}");
                let place = of.span().byte_range();
                self.add(of.op.span(), place, &what, How::Expression(changed));
            }
        }
        visit::visit_expr_binary(self, of);
    }

    fn visit_expr_unary(&mut self, of: &'ast syn::ExprUnary) {
        if let UnOp::Not(_) | UnOp::Neg(_) = of.op {
            let changed = format!("({})", self.source(&*of.expr));
            let what = format!("delete {}", self.source(&of.op));
            self.add(of.span(), of.span().byte_range(), &what, How::Expression(changed));
        }
        visit::visit_expr_unary(self, of);
    }

    fn visit_expr_method_call(&mut self, of: &'ast syn::ExprMethodCall) {
        let old = of.method.to_string();
        if let Some(new) = opposite_word(&old) {
            let (all, word) = (of.span().byte_range(), of.method.span().byte_range());
            let (before, after) =
                (&self.text[all.start..word.start], &self.text[word.end..all.end]);
            let changed = format!("{before}{new}{after}");
            let what = format!("replace {old} with {new}");
            self.add(of.method.span(), all, &what, How::Expression(changed));
        }
        visit::visit_expr_method_call(self, of);
    }

    fn visit_expr_if(&mut self, of: &'ast syn::ExprIf) {
        self.condition(&of.cond);
        visit::visit_expr_if(self, of);
    }

    fn visit_expr_while(&mut self, of: &'ast syn::ExprWhile) {
        self.condition(&of.cond);
        visit::visit_expr_while(self, of);
    }

    fn visit_expr_match(&mut self, of: &'ast syn::ExprMatch) {
        let any = |arm: &syn::Arm| matches!(arm.pat, syn::Pat::Wild(_)) && arm.guard.is_none();
        let wild = of.arms.iter().any(any);
        for arm in &of.arms {
            let pattern = self.source(&arm.pat).split_whitespace().collect::<Vec<_>>().join(" ");
            if let Some((_, guard)) = &arm.guard {
                for value in ["true", "false"] {
                    let what = format!("replace the guard of {pattern} with {value}");
                    let place = guard.span().byte_range();
                    self.add(guard.span(), place, &what, How::Expression(value.to_owned()));
                }
            } else if wild && !matches!(arm.pat, syn::Pat::Wild(_)) {
                let end = arm.pat.span().byte_range().end;
                let what = format!("delete the arm {pattern}");
                self.add(arm.pat.span(), end..end, &what, How::Arm);
            }
        }
        visit::visit_expr_match(self, of);
    }

    fn visit_expr_struct(&mut self, of: &'ast syn::ExprStruct) {
        if let Some(rest) = &of.rest {
            let rest = self.source(&**rest).to_owned();
            for field in of.fields.iter().filter(|field| field.colon_token.is_some()) {
                let name = self.source(&field.member).to_owned();
                let place = field.expr.span().byte_range();
                let what = format!("delete the field {name}");
                let changed = format!("({rest}).{name}");
                self.add(field.expr.span(), place, &what, How::Expression(changed));
            }
        }
        visit::visit_expr_struct(self, of);
    }
}

fn for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => {
            list.path.is_ident("cfg") && list.tokens.to_string().starts_with("test")
        }
        meta => meta.path().is_ident("test"),
    })
}

fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(both) => has_let(&both.left) || has_let(&both.right),
        _ => false,
    }
}

fn opposites(op: &BinOp) -> &'static [&'static str] {
    match op {
        BinOp::Eq(_) => &["!="],
        BinOp::Ne(_) => &["=="],
        BinOp::Lt(_) => &["==", ">", "<="],
        BinOp::Gt(_) => &["==", "<", ">="],
        BinOp::Le(_) => &[">", "<"],
        BinOp::Ge(_) => &["<", ">"],
        BinOp::And(_) => &["||"],
        BinOp::Or(_) => &["&&"],
        BinOp::Add(_) => &["-", "*"],
        BinOp::Sub(_) => &["+", "/"],
        BinOp::Mul(_) => &["+", "/"],
        BinOp::Div(_) => &["%", "*"],
        BinOp::Rem(_) => &["/", "+"],
        BinOp::Shl(_) => &[">>"],
        BinOp::Shr(_) => &["<<"],
        BinOp::BitAnd(_) => &["|", "^"],
        BinOp::BitOr(_) => &["&", "^"],
        BinOp::BitXor(_) => &["|", "&"],
        BinOp::AddAssign(_) => &["-=", "*="],
        BinOp::SubAssign(_) => &["+=", "/="],
        BinOp::MulAssign(_) => &["+=", "/="],
        BinOp::BitAndAssign(_) => &["|=", "^="],
        BinOp::BitOrAssign(_) => &["&=", "^="],
        BinOp::BitXorAssign(_) => &["|=", "&="],
        _ => &[],
    }
}

/// Words that stand where other programs have an operator.
fn opposite_word(word: &str) -> Option<&'static str> {
    let pairs = [
        ("credit", "debit"),
        ("plus", "minus"),
        ("min", "max"),
        ("any", "all"),
        ("is_some", "is_none"),
        ("is_ok", "is_err"),
        ("saturating_add", "saturating_sub"),
        ("checked_add", "checked_sub"),
        ("first", "last"),
        ("min_by_key", "max_by_key"),
    ];
    pairs.iter().find_map(|(one, other)| match word {
        w if w == *one => Some(*other),
        w if w == *other => Some(*one),
        _ => None,
    })
}
