//! The code tables that card fields refer to.

/// GB/T 2261.1: sex.
const SEXES: [(&str, &str); 4] = [("0", "未知"), ("1", "男"), ("2", "女"), ("9", "未说明")];

/// GB/T 3304: ethnic groups, with 97 (other) and 98 (of foreign descent). Codes in use that the standard does
/// not list differ from source to source and are passed through without a name.
const ETHNICITIES: [(&str, &str); 58] = [
    ("01", "汉"),
    ("02", "蒙古"),
    ("03", "回"),
    ("04", "藏"),
    ("05", "维吾尔"),
    ("06", "苗"),
    ("07", "彝"),
    ("08", "壮"),
    ("09", "布依"),
    ("10", "朝鲜"),
    ("11", "满"),
    ("12", "侗"),
    ("13", "瑶"),
    ("14", "白"),
    ("15", "土家"),
    ("16", "哈尼"),
    ("17", "哈萨克"),
    ("18", "傣"),
    ("19", "黎"),
    ("20", "傈僳"),
    ("21", "佤"),
    ("22", "畲"),
    ("23", "高山"),
    ("24", "拉祜"),
    ("25", "水"),
    ("26", "东乡"),
    ("27", "纳西"),
    ("28", "景颇"),
    ("29", "柯尔克孜"),
    ("30", "土"),
    ("31", "达斡尔"),
    ("32", "仫佬"),
    ("33", "羌"),
    ("34", "布朗"),
    ("35", "撒拉"),
    ("36", "毛南"),
    ("37", "仡佬"),
    ("38", "锡伯"),
    ("39", "阿昌"),
    ("40", "普米"),
    ("41", "塔吉克"),
    ("42", "怒"),
    ("43", "乌孜别克"),
    ("44", "俄罗斯"),
    ("45", "鄂温克"),
    ("46", "德昂"),
    ("47", "保安"),
    ("48", "裕固"),
    ("49", "京"),
    ("50", "塔塔尔"),
    ("51", "独龙"),
    ("52", "鄂伦春"),
    ("53", "赫哲"),
    ("54", "门巴"),
    ("55", "珞巴"),
    ("56", "基诺"),
    ("97", "其他"),
    ("98", "外国血统中国籍人士"),
];

/// The word for a sex code; `None` for a code the standard does not list.
pub fn sex(code: &str) -> Option<&'static str> {
    name_of(&SEXES, code)
}

/// The code of a sex word.
pub fn sex_code(word: &str) -> Option<&'static str> {
    code_of(&SEXES, word)
}

/// The name of an ethnic group, without 族; `None` for a code the standard does not list.
pub fn ethnicity(code: &str) -> Option<&'static str> {
    name_of(&ETHNICITIES, code)
}

/// The code of an ethnic group, its name with or without 族.
pub fn ethnicity_code(name: &str) -> Option<&'static str> {
    code_of(&ETHNICITIES, name).or_else(|| code_of(&ETHNICITIES, name.strip_suffix('族')?))
}

fn name_of(table: &[(&'static str, &'static str)], code: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == code).map(|&(_, name)| name)
}

fn code_of(table: &[(&'static str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(_, known)| *known == name).map(|&(code, _)| code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_and_names_are_each_unique_and_lead_to_each_other() {
        for table in [&SEXES[..], &ETHNICITIES[..]] {
            assert_eq!(table.iter().map(|(code, _)| code).collect::<BTreeSet<_>>().len(), table.len());
            assert!(table.iter().all(|(code, name)| code_of(table, name) == Some(*code)));
        }
        let numbered: Vec<String> = (1..=56).map(|n| format!("{n:02}")).collect();
        assert!(ETHNICITIES.iter().zip(&numbered).all(|((code, _), wanted)| code == wanted));
    }

    #[test]
    fn an_ethnic_group_is_found_with_and_without_its_suffix() {
        assert_eq!(ethnicity_code("土家族"), Some("15"));
        assert_eq!(ethnicity_code("土家"), Some("15"));
        assert_eq!(ethnicity("46"), Some("德昂"));
        assert_eq!(ethnicity("59"), None);
        assert_eq!(ethnicity_code("族"), None);
        assert_eq!(sex("1"), Some("男"));
        assert_eq!(sex_code("女"), Some("2"));
    }
}
