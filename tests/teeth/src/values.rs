//! What a function could answer without looking at anything.

use syn::{GenericArgument, PathArguments, ReturnType, Type};

/// Expressions to answer with, by the type that is asked for. Not all of them compile: the compiler says which.
pub fn instead_of(output: &ReturnType) -> Vec<String> {
    match output {
        ReturnType::Default => vec![String::new()],
        ReturnType::Type(_, of) => of_type(of),
    }
}

fn of_type(of: &Type) -> Vec<String> {
    match of {
        Type::Tuple(of) if of.elems.is_empty() => vec!["()".to_owned()],
        Type::Tuple(of) => {
            let each: Vec<Vec<String>> = of.elems.iter().map(of_type).collect();
            let most = each.iter().map(Vec::len).max().unwrap_or(0);
            // Not all combinations: each value of each member once.
            let nth = |n: usize| {
                let members = each.iter().map(|values| values.get(n).or(values.first()).cloned());
                members.collect::<Option<Vec<_>>>().map(|all| format!("({},)", all.join(", ")))
            };
            (0..most).filter_map(nth).collect()
        }
        Type::Path(of) => {
            let Some(last) = of.path.segments.last() else { return Vec::new() };
            let of_first = first(&last.arguments).map(of_type).unwrap_or_default();
            let each = |wrap: &str| of_first.iter().map(|v| format!("{wrap}({v})")).collect();
            match last.ident.to_string().as_str() {
                "bool" => words(&["true", "false"]),
                "u8" | "u16" | "u32" | "u64" | "u128" | "usize" => words(&["0", "1"]),
                "i8" | "i16" | "i32" | "i64" | "i128" | "isize" => words(&["0", "1", "-1"]),
                "String" => words(&["String::new()", "\"xyzzy\".to_owned()"]),
                "Option" => {
                    let some: Vec<String> = each("Some");
                    std::iter::once("None".to_owned()).chain(some).collect()
                }
                "Result" => each("Ok"),
                "Box" => each("Box::new"),
                "Vec" => {
                    let one = of_first.iter().map(|value| format!("vec![{value}]"));
                    std::iter::once("vec![]".to_owned()).chain(one).collect()
                }
                _ => words(&["Default::default()"]),
            }
        }
        Type::Reference(of) if of.mutability.is_none() => match &*of.elem {
            Type::Path(path) if path.path.is_ident("str") => words(&["\"\"", "\"xyzzy\""]),
            Type::Slice(_) => words(&["&[]"]),
            _ => Vec::new(),
        },
        Type::Array(of) => {
            let each = of_type(&of.elem);
            each.into_iter().map(|value| format!("std::array::from_fn(|_| {value})")).collect()
        }
        _ => Vec::new(),
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn first(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(given) = arguments else { return None };
    given.args.iter().find_map(|given| match given {
        GenericArgument::Type(of) => Some(of),
        _ => None,
    })
}
