//! What to do about a failure, in Chinese, by its stable word.

/// `None` for a word whose remedy is told in one language only.
pub(crate) fn remedy(code: &str) -> Option<&'static str> {
    Some(match code {
        "config_invalid" => "请改正配置文件或环境变量。",
        "data_dir_in_use" => "另一个 yidang 正在使用此数据文件夹：请先停止它。",
        "disk_full" => "磁盘已满：请腾出空间；已确认的材料不受影响。",
        "data_dir_not_writable" => "请让运行 yidang 的账户可以读写数据文件夹。",
        "store_newer" => "数据由更新的版本写成：请重新安装那个版本或更新的版本。",
        "store_damaged" => "账本或密钥环损坏时请运行 yidang archive rebuild；只有 index.db 可以直接删除。",
        "storage_failed" => "请检查磁盘。",
        "store_foreign" => "此文件夹里有别的程序的数据：请核对 [agent] data_dir，或另选一个空文件夹。",
        "keys_missing" => "请把密钥放回密钥文件夹；没有密钥，数据无法读取。",
        "keys_wrong" => "请使用属于此数据文件夹的密钥。",
        "credential_missing" => {
            "请检查服务的 LoadCredential；不经服务运行的命令用 systemd-run --property=LoadCredential=yidang-key:… 得到凭据。"
        }
        "credential_wrong" => "请给服务提供封存密钥时所用的凭据。",
        "archive_failed" => "请按提示检查；运行 yidang archive verify。",
        "archive_absent" => "请核对 [agent] data_dir；yidang run 会建立档案。",
        "operator_name_taken" | "operator_unknown" => {
            "请用 yidang operator list 和 yidang operator key list 查看。"
        }
        "operators_key_wrong" => {
            "请把 operators.key 放回密钥文件夹；或删除 operators.db，重新添加经办人和公钥。"
        }
        "operators_failed" => "请检查磁盘，以及数据和密钥文件夹的权限。",
        "pin_refused" => "请在标准输入写入 6 到 12 位数字的 PIN，不要全部相同，也不要顺序递增或递减。",
        "pin_missing" => "请把 PIN 写到标准输入。",
        "public_key_malformed" => {
            "请用 openssl genpkey -algorithm ed25519 生成密钥，并提供 openssl pkey -pubout 输出的公钥。"
        }
        "certificate_failed" => "请检查磁盘和数据文件夹的权限。",
        "certutil_missing" => "请安装 libnss3-tools 软件包（其中有 certutil）。",
        "trust_not_writable" => "请以 root 或该数据库所属的账户执行。",
        "trust_not_updated" => "请以 root 运行所指出的命令。",
        "tls_off" => "请先在配置中设置 [http] tls = \"loopback\"。",
        "listen_failed" => "端口被别的程序占用：请停止它，或另选一个端口。",
        "control_denied" => "请用运行 yidang 的账户执行此命令。",
        "daemon_lost" => "请查看日志，待服务运行后再试；已完成的部分有效。",
        "busy" => "另一项耗时的工作正在进行：请稍后再试。",
        "repository_not_configured" => "请在配置中填写 [repository] url。",
        "not_enrolled" | "enrol_again" => "请用 yidang enrol --code - 登记本窗口。",
        "code_spent" => "请中心库管理员用 yidang-repository enrol-code 生成新的登记码。",
        "sync_state_failed" => "请检查磁盘，以及数据和密钥文件夹的权限。",
        "courier_key_missing" => {
            "请在 [repository] courier_key 填写 yidang-repository courier key 的输出，或重新登记本窗口。"
        }
        "pack_disturbed" => "请在无人删除或更正材料时再试；若网络已通，材料会自动送达。",
        "stick_full" => "请换更大的介质，或用 --max-bytes 分成小文件；材料没有丢失。",
        "parcel_unwritable" => "请检查文件夹和介质，然后重新打包。",
        "receipt_unreadable" => "请检查文件、权限和介质。",
        "receipt_unknown" => "请选择 yidang-repository courier unpack 写出的文件。",
        "receipt_newer" => "请先升级本窗口。",
        "receipt_foreign" => "请把回执送到它所属的窗口，或在本窗口重新打包。",
        "receipt_damaged" => "请在中心库把包裹再收一次，回执会重新写出。",
        "receipt_old" => "无需处理：更新的回执已经收下。",
        "receipt_incomplete" => "请重新打包并送到中心库：新的回执会包含全部结果。",
        _ => return None,
    })
}
