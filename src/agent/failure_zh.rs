//! What to do about a failure, in Chinese, by its stable word.

/// Words, and what to do about them.
const REMEDIES: &[(&[&str], &str)] = &[
    (&["config_invalid"], "请改正配置文件或环境变量。"),
    (&["data_dir_in_use"], "另一个 yidang 正在使用此数据文件夹：请先停止它。"),
    (&["disk_full"], "磁盘已满：请腾出空间；已确认的材料不受影响。"),
    (&["data_dir_not_writable"], "请让运行 yidang 的账户可以读写数据文件夹。"),
    (&["store_newer"], "数据由更新的版本写成：请重新安装那个版本或更新的版本。"),
    (
        &["store_damaged"],
        "请先把数据文件夹整体复制留存，再运行 yidang archive rebuild，从副本与残余中重建账本和密钥环；若只有 index.db 损坏，删除它即可。",
    ),
    (&["storage_failed"], "请按所指出的检查；若是文件夹占了文件的位置，请把它移走；并检查磁盘。"),
    (&["store_foreign"], "此文件夹里有别的程序的数据：请核对 [agent] data_dir，或另选一个空文件夹。"),
    (
        &["keys_missing"],
        "请把密钥放回密钥文件夹；没有密钥，数据无法读取。若是另一台已损坏电脑的磁盘，请用 yidang archive recover 读取。",
    ),
    (&["keys_wrong"], "请使用属于此数据文件夹的密钥。"),
    (
        &["credential_missing"],
        "请检查服务的 LoadCredential；不经服务运行的命令用 systemd-run --property=LoadCredential=yidang-key:… 得到凭据。",
    ),
    (&["credential_wrong"], "请给服务提供封存密钥时所用的凭据。"),
    (&["archive_failed"], "请按提示检查；运行 yidang archive verify。"),
    (&["archive_absent"], "请核对 [agent] data_dir；yidang run 会建立档案。"),
    (
        &["operator_name_taken", "operator_unknown"],
        "请用 yidang operator list 和 yidang operator key list 查看。",
    ),
    (
        &["operators_key_wrong"],
        "请把 operators.key 放回密钥文件夹；或删除 operators.db，重新添加经办人和公钥。",
    ),
    (&["operators_failed"], "请检查磁盘，以及数据和密钥文件夹的权限。"),
    (&["pin_refused"], "请在标准输入写入 6 到 12 位数字的 PIN，不要全部相同，也不要顺序递增或递减。"),
    (&["pin_missing"], "请把 PIN 写到标准输入。"),
    (
        &["public_key_malformed"],
        "请用 openssl genpkey -algorithm ed25519 生成密钥，并提供 openssl pkey -pubout 输出的公钥。",
    ),
    (&["certificate_failed"], "请检查磁盘和数据文件夹的权限。"),
    (&["certutil_missing"], "请安装 libnss3-tools 软件包（其中有 certutil）。"),
    (&["trust_not_writable"], "请以 root 或该数据库所属的账户执行。"),
    (&["trust_not_updated"], "请以 root 运行所指出的命令。"),
    (&["tls_off"], "请先在配置中设置 [http] tls = \"loopback\"。"),
    (&["listen_failed"], "端口被别的程序占用：请停止它，或另选一个端口。"),
    (&["control_denied"], "请用运行 yidang 的账户执行此命令。"),
    (&["daemon_lost"], "请查看日志，待服务运行后再试；已完成的部分有效。"),
    (&["busy"], "另一项耗时的工作正在进行：请稍后再试。"),
    (&["repository_not_configured"], "请在配置中填写 [repository] url。"),
    (&["not_enrolled", "enrol_again"], "请用 yidang enrol --code - 登记本窗口。"),
    (&["code_spent"], "请中心库管理员用 yidang-repository enrol-code 生成新的登记码。"),
    (
        &["code_foreign"],
        "登记码是为另一个窗口名生成的：请核对 [agent] counter，或请中心库管理员用 yidang-repository enrol-code --counter 窗口名 生成。",
    ),
    (
        &["sync_state_failed"],
        "请检查磁盘，以及数据和密钥文件夹的权限；sync.db 损坏时可把它移走，再用 yidang-repository enrol-code --counter 窗口名 生成的登记码重新登记，材料会重新发送，中心库不会重复入库。",
    ),
    (
        &["courier_key_missing"],
        "请在 [repository] courier_key 填写 yidang-repository courier key 的输出，或重新登记本窗口。",
    ),
    (&["pack_disturbed"], "请在无人删除或更正材料时再试；若网络已通，材料会自动送达。"),
    (&["stick_full"], "请换更大的介质，或用 --max-bytes 分成小文件；材料没有丢失。"),
    (&["parcel_unwritable"], "请检查文件夹和介质，或指定文件夹、新的文件名，然后重新打包。"),
    (&["receipt_unreadable"], "请检查文件、权限和介质。"),
    (&["receipt_unknown"], "请选择 yidang-repository courier unpack 写出的文件。"),
    (&["receipt_newer"], "请先升级本窗口。"),
    (&["receipt_foreign"], "请把回执送到它所属的窗口，或在本窗口重新打包。"),
    (&["receipt_damaged"], "请在中心库把包裹再收一次，回执会重新写出。"),
    (&["receipt_old"], "无需处理：更新的回执已经收下。"),
    (
        &["ledger_differs"],
        "中心库所记的账本与本窗口的不同，如同数据文件夹曾被换成较早的一份：请先运行 yidang archive verify，再运行 yidang archive rebuild，核对并确认保全；然后用 yidang-repository enrol-code --offline --counter 名称 输出的一行重新登记，再打包。",
    ),
    (&["receipt_incomplete"], "请重新打包并送到中心库：新的回执会包含全部结果。"),
    (&["answer_differs", "daemon_stopped", "request_unknown"], "请重新启动服务，再试一次。"),
    (&["clock_doubtful"], "请校准时钟；时钟无误时用 --clock-checked 说明。"),
    (&["clock_wrong"], "电脑时钟早于 1970 年或晚于 9999 年：请校准时钟后再启动；主板电池没电也会这样。"),
    (&["code_missing"], "请把登记码写到标准输入。"),
    (&["column_missing", "column_twice", "column_unknown"], "请按 --help 列出的列名改正清单首行。"),
    (&["configuration_differs"], "请重新启动服务，使其按此配置运行。"),
    (&["confirmation_differs"], "请用 --dry-run 查看今天到期的份数，并确认该数。"),
    (
        &["export_broken", "import_broken", "recovery_broken"],
        "请查看日志，排除原因后重新执行；已完成的部分有效。",
    ),
    (&["file_too_large"], "请用较小的文件。"),
    (&["file_unreadable"], "请检查文件是否存在、是否可读。"),
    (&["not_an_image"], "请提供 JPEG 或 PNG 图片。"),
    (&["not_a_card"], "请提供证件的正反两面。"),
    (&["hold_unknown"], "请用 yidang archive hold list 查看。"),
    (
        &["instant_invalid"],
        "请写日期，例如 2026-01-31（从当地零点算起），或带时区的时间，例如 2026-01-31T09:00:00+08:00。",
    ),
    (&["invalid"], "请按所指出的改正。"),
    (&["key_not_written"], "该文件夹已有恢复密钥时请妥善保存，另用 --out 指定新文件夹。"),
    (
        &["manifest_empty", "manifest_encoding", "manifest_invalid"],
        "请改正清单文件：UTF-8 或 GB 18030 编码的 CSV，首行为列名。",
    ),
    (&["manifest_unreadable"], "请核对清单文件的名称和读取权限。"),
    (&["legal_hold"], "请用 yidang archive hold list 查看，由设置保全的人解除。"),
    (
        &["audit_incomplete"],
        "账本中有缺失、读不出或密钥已丢失的条目，所列可能不全；受损的由 yidang archive verify 指出；已确认丢失的，当时的 yidang archive rebuild 报告中有列明；账本曾被截断或换成较早的一份的，其后所记的检测和重建都找不回来，已传到中心库的请在那里用 yidang-repository audit 查询。",
    ),
    (
        &["ledger_foreign"],
        "请用较新的备份核对两者中哪一个是本库的：若 DATA/backup 是本库的，请把 ledger.db、ledger.db-wal、ledger.db-shm 移走，放回本库自己的账本，或运行 yidang archive rebuild 用副本重建；若 ledger.db 是本库的，请把 DATA/backup 目录移走再启动，副本会重新生成。",
    ),
    (
        &["holds_unproven"],
        "请运行 yidang archive verify：它若指出损坏，先按提示运行 yidang archive rebuild；再用 yidang archive hold list 与有关文书核对，缺的保全请重新设置，然后运行 yidang archive hold confirm --operator 姓名 确认。",
    ),
    (&["hold_unknown"], "请用 yidang archive hold list 查看。"),
    (&["hold_elsewhere"], "请在中心库用 yidang-repository hold lift 解除。"),
    (&["material_unknown"], "请用 yidang archive list 查看。"),
    (&["material_erased"], "该材料已删除，没有可以保全的内容。"),
    (&["original_disposed"], "原始照片已处置；页面仍在档。"),
    (&["nothing_on_file"], "请核对号码：本窗口没有此人的材料。"),
    (&["operator_missing"], "请用 --operator 写明经办人。"),
    (&["original_kept", "page_not_written"], "请另选输出位置；原文件没有改动。"),
    (&["output_failed"], "请检查接收输出的程序或磁盘。"),
    (&["package_too_large"], "请分次导出。"),
    (&["policy_by_registry"], "Windows 请用 policy show --format reg 导出后导入注册表。"),
    (&["policy_no_origins"], "请先在 [http] origins 中列出网页来源。"),
    (&["policy_not_writable"], "请以 root 执行。"),
    (&["policy_unreadable"], "请检查所指出的策略文件。"),
    (&["reader_absent"], "请接好读卡器；用 yidang card probe 查看。"),
    (&["recover_from_absent"], "请核对 --from：应是旧电脑的数据文件夹。"),
    (&["recover_from_own"], "请指定旧电脑的数据文件夹，而不是本窗口的。"),
    (&["report_not_written"], "请另选报告的位置；结果没有丢失。"),
    (&["dead_store_damaged"], "请重新完整复制旧电脑的数据文件夹；所指出的部分可试用其备份。"),
    (&["recovery_key_malformed"], "请指定 yidang recovery-key 生成的公钥文件。"),
    (&["recovery_not_set_up"], "只有旧电脑自己的密钥能打开：请找到它的密钥文件夹或其备份。"),
    (&["recovery_seal_damaged"], "请用旧电脑备份中的 keyring.db，与其他文件放在一起。"),
    (&["share_damaged"], "请与打印的份额逐字核对，或换用他人的份额。"),
    (&["share_malformed"], "请指定 yidang recovery-key 生成的文件，或重新输入那五行。"),
    (&["share_newer"], "请使用写出它的版本或更新的 yidang。"),
    (&["shares_mixed"], "请使用同一机构的份额。"),
    (&["shares_of_another_office"], "请使用封存此档案的恢复密钥的份额。"),
    (&["shares_too_few"], "请向其他保管人再取份额。"),
    (&["shares_wrong"], "其中一份不属于同一次拆分：请换用他人的份额。"),
    (&["split_out_of_bounds"], "份额须为 2 至 64 份，至少 2 份可以恢复。"),
    (&["repository_unreachable"], "请检查网络和 [repository] url；材料会在恢复后自动送达。"),
    (&["retention_absent"], "请在配置中用 [[retention]] 写明保管期限。"),
    (&["share_unreadable"], "请检查密钥份额文件。"),
    (&["start_failed"], "请查看日志，再试一次。"),
    (
        &["subject_invalid", "subject_missing"],
        "请向标准输入写入类别（resident、hmt、foreigner、passport、birth_certificate、organisation、provisional）、空格和该类别的号码，例如 resident 号码。",
    ),
    (&["target_inside_data"], "请选数据文件夹以外的位置。"),
    (&["target_invalid", "target_not_empty"], "请指定不存在或空的文件夹。"),
    (&["tokens_failed"], "请检查磁盘，以及数据文件夹的权限。"),
    (&["token_name_taken", "token_unknown"], "请用 yidang token list 查看。"),
];

/// `None` for a word whose remedy is told in one language only.
pub(crate) fn remedy(code: &str) -> Option<&'static str> {
    REMEDIES.iter().find(|(codes, _)| codes.contains(&code)).map(|(_, remedy)| *remedy)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::remedy;

    fn sources(folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(sources(&path));
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
        found
    }

    #[test]
    fn what_a_command_fails_with_has_a_remedy_in_chinese_too() {
        let begin = concat!("Failure::", "new(");
        let mut codes = BTreeSet::new();
        for path in sources(Path::new(env!("CARGO_MANIFEST_DIR"))) {
            let text = std::fs::read_to_string(&path).unwrap();
            for rest in text.split(begin).skip(1) {
                let word = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
                codes.extend(word.map(str::to_owned));
            }
        }
        // There they stand in pairs, each with its remedy.
        for rest in include_str!("failure.rs").split('(').skip(1) {
            let word = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once("\","));
            let code = word
                .map(|(word, _)| word)
                .filter(|word| word.bytes().all(|b| b == b'_' || b.is_ascii_lowercase()));
            codes.extend(code.map(str::to_owned));
        }
        assert!(codes.len() > 50, "{codes:?}");
        codes.retain(|code| remedy(code).is_none());
        assert_eq!(codes, BTreeSet::new());
    }
}
