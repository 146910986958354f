"""Every sentence on the pages, in Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "product": ("関所 お手本ルーター", "Sekisho exemplar router"),
    "language": ("English", "日本語"),
    # signing in
    "login": ("ログイン", "Sign in"),
    "login-lead": (
        "設定を見る、変えるには、ログインしてください。",
        "Sign in to see or change the settings.",
    ),
    "login-label": (
        "はじめての方は、本体ラベルの ID とコードを入れてください。",
        "For the first time, use the ID and the code on the label of this unit.",
    ),
    "user": ("ID", "ID"),
    "password": ("パスワード", "Password"),
    "or": ("または", "or"),
    "passkey-login": ("パスキーでログイン", "Sign in with a passkey"),
    "passkey-failed": ("パスキーでログインできませんでした。", "That passkey did not work."),
    "passkey-add-failed": ("パスキーを登録できませんでした。", "The passkey was not registered."),
    "logout": ("ログアウト", "Sign out"),
    "wrong": ("ID またはパスワードが違います。", "The ID or the password is wrong."),
    "wait": (
        "続けて間違えたため、あと {wait} 秒お待ちください。",
        "Too many wrong tries. Please wait {wait} seconds.",
    ),
    "busy": ("ただいま混み合っています。", "Busy just now; please try again."),
    # first use
    "first-use": ("パスワードを決める", "Choose your password"),
    "first-use-lead": (
        "ラベルのコードは、この画面を開くためだけのものです。あなたのパスワードを決めるまで、ほかの機能は使えません。",
        (
            "The code on the label opens this page and nothing else. No other function works until you have "
            "chosen your own password."
        ),
    ),
    "new": ("新しいパスワード", "New password"),
    "again": ("新しいパスワード（もう一度）", "New password, once more"),
    "rule": (
        "12 文字以上。文字の種類は問いません。短い文を一つ作ると、覚えやすく強くなります。",
        "At least 12 characters of any kind. A short sentence is easy to remember and strong.",
    ),
    "save": ("保存する", "Save"),
    "differ": ("二つの入力が違っています。", "The two entries differ."),
    "too-short": ("12 文字より短いです。", "Shorter than 12 characters."),
    "too-long": ("長すぎます（128 文字まで）。", "Too long (128 at most)."),
    "not-text": ("使えない文字があります。", "It holds characters that cannot be used."),
    "one-character": ("同じ文字だけです。", "Only one character, repeated."),
    "sequential": ("並んだ文字が続いています。", "The characters stand in a row (abc…, 123…, qwe…)."),
    "repeated": ("同じ並びの繰り返しです。", "A short piece is repeated."),
    "attacked": ("攻撃に使われている言葉です。", "This word is used in attacks."),
    "guessable": (
        "機種名や製造番号などから推測できます。",
        "It can be guessed from public facts about this unit.",
    ),
    "same-as-label": ("ラベルのコードと同じです。", "This is the code on the label."),
    "same-as-before": ("今のパスワードと同じです。", "This is the present password."),
    # home
    "home": ("状態", "Status"),
    "model": ("機種", "Model"),
    "serial": ("製造番号", "Serial number"),
    "version": ("ソフトウェア", "Software"),
    "slot": ("動作中の面", "Running slot"),
    "newest": ("これが最新版です。", "This is the newest version."),
    "newer-exists": ("新しい版 {version} が出ています。", "A newer version, {version}, is out."),
    "unknown": ("最新版をまだ確かめていません。", "The newest version has not been confirmed yet."),
    "unreachable": ("メーカーのページに届きませんでした。", "The maker's page could not be reached."),
    "no-address": ("確認先の住所が設定されていません。", "No address to ask is set."),
    "bad-signature": ("返事の署名が正しくありません。", "The answer's signature is wrong."),
    "not-a-statement": ("返事を読めませんでした。", "The answer could not be read."),
    "doors": ("開いている窓口", "Open interfaces"),
    "doors-lan": ("LAN 側：この管理画面だけ", "LAN side: this page and nothing else"),
    "doors-wan": ("回線側：なし", "Line side: none"),
    # settings
    "settings": ("設定", "Settings"),
    "saved": ("保存しました。電源が切れても消えません。", "Saved. A power cut will not lose it."),
    "bad-value": (
        "「{setting}」の値が正しくありません。何も変えていません。",
        "The value of “{setting}” is not acceptable. Nothing was changed.",
    ),
    "hostname": ("機器の名前", "Host name"),
    "wan_mode": ("回線の方式", "Line mode"),
    "dns_server": ("DNS サーバー", "DNS server"),
    "ntp_server": ("時刻サーバー", "Time server"),
    "wifi_ssid": ("Wi-Fi の名前（SSID）", "Wi-Fi name (SSID)"),
    "firewall": ("ファイアウォール", "Firewall"),
    "ssdp": ("SSDP（機器の探索）", "SSDP discovery"),
    "on": ("入", "on"),
    "off": ("切", "off"),
    # update
    "update": ("更新", "Update"),
    "update-lead": (
        "署名を確かめてから、空いている面に書き、最後に切り替えます。途中で電源が切れても、前の版で動きます。",
        (
            "The signature is checked first, then the idle slot is written, then the switch is thrown. If the power "
            "fails in between, the present version goes on."
        ),
    ),
    "ask": ("最新版を確かめる", "Check for the newest version"),
    "file": ("更新ファイル", "Update file"),
    "install": ("更新する", "Install"),
    "installed": ("更新しました。もう一度ログインしてください。", "Updated. Please sign in again."),
    "refused": ("このファイルは入れません：", "This file is refused: "),
    "truncated": ("途中で切れています。", "it is cut short."),
    "not-an-image": ("更新ファイルではありません。", "it is not an update file."),
    "bad-manifest": ("中身の説明が壊れています。", "its manifest is damaged."),
    "bad-version": ("版の番号が読めません。", "its version cannot be read."),
    "wrong-size": ("大きさが合いません。", "its size is wrong."),
    "wrong-hash": ("中身が変わっています。", "its content was changed."),
    "wrong-model": ("別の機種のものです。", "it is for another model."),
    "not-newer": ("今より新しい版ではありません。", "it is not newer than the present version."),
    "refused-signature": ("署名が正しくありません。", "its signature is wrong."),
    # account
    "account": ("アカウント", "Account"),
    "change-password": ("パスワードを変える", "Change the password"),
    "old": ("今のパスワード", "Present password"),
    "changed": (
        "パスワードを変えました。ほかの画面はログアウトしました。",
        "Changed. Every other browser was signed out.",
    ),
    "passkeys": ("パスキー", "Passkeys"),
    "passkeys-lead": (
        "指紋や顔、PIN で開く鍵です。推測できず、偽のページでは働きません。パスワードを試す攻撃が続いていても使えます。",
        (
            "A key opened by your finger, face or PIN. It cannot be guessed, does not work on a false page, and works "
            "even while somebody keeps trying passwords."
        ),
    ),
    "passkeys-none": ("まだありません。", "None yet."),
    "passkey-name": ("名前（例：わたしのスマホ）", "Name, such as “my phone”"),
    "passkey-add": ("パスキーを加える", "Add a passkey"),
    "remove": ("消す", "Remove"),
    "reset": ("工場出荷の状態に戻す", "Return to the factory state"),
    "reset-lead": (
        "設定、パスワード、パスキーをすべて消します。ソフトウェアの版はそのままです。",
        "Erases all settings, the password and the passkeys. The software version stays.",
    ),
    "footer": (
        "学ぶためのお手本です。ソースは src/sekisho/exemplar にあります。",
        "An example to learn from; its source is in src/sekisho/exemplar.",
    ),
}


def say(name: str, language: str, **values: object) -> str:
    """Return one sentence in `ja` or `en`; raises KeyError for an unknown name."""
    return TEXTS[name][language == "en"].format(**values)
