"""The questions, in both languages, with the steps that lead to an answer.

An id is part of catalogues and of stored evidence: it never changes its meaning.
"""

from __future__ import annotations

from sekisho.language import Text
from sekisho.model.terminal import Terminal
from sekisho.ports import Question

_CHOICE = Text(
    ja="見つかれば yes、見つからなければ no、判断できなければ unknown。",
    en="yes if found, no if not, unknown if undecided.",
)
_PHOTO = Text(
    ja="その箇所の写真かページのファイルを添付する。", en="Attach a photo of the place or the page as a file."
)

_ALL = (
    Question(
        "manual-notice",
        Text(
            ja="取扱説明書に、電気通信回線設備に直接接続できない旨の注意がありますか。",
            en="Does the manual say that the device can't be connected directly to carriers' lines?",
        ),
        (
            Text(
                ja="取扱説明書（紙またはWeb）で「接続」「ご注意」の章を開く。",
                en="Open the chapters on connecting and cautions in the manual (paper or Web).",
            ),
            Text(
                ja="次の二つが書かれているか見る：(1) 移動通信・固定通信・ISP・公衆無線LANの回線に直接つなげないこと、"
                "(2) インターネットにはルーター等を介してつなぐこと。",
                en="See whether both are there: (1) no direct connection to mobile, fixed, ISP or public Wi-Fi lines; "
                "(2) connect to the Internet through a router or the like.",
            ),
            _CHOICE,
            _PHOTO,
        ),
        attach=True,
    ),
    Question(
        "manual-four-functions",
        Text(
            ja="取扱説明書に、アクセス制御、初期パスワードの変更、ソフトウェアの更新、電源断後の維持の四つの機能の説明がありますか。",
            en="Does the manual describe the four functions: access control, change of the initial password, "
            "software update, retention after loss of power?",
        ),
        (
            Text(
                ja="目次と索引から四つの機能の説明を探す。一つでも欠ければ no。",
                en="Look for the four functions by table of contents and index. If one is missing: no.",
            ),
            _CHOICE,
            _PHOTO,
        ),
        attach=True,
    ),
    Question(
        "vulnerability-contact",
        Text(
            ja="脆弱性の報告先と開示方針が、登録や契約なしに誰でも見られますか。",
            en="Are a contact for vulnerability reports and a disclosure policy public without an account?",
        ),
        (
            Text(
                ja="ログアウトした状態で製造者のWebページを開く。",
                en="Open the maker's Web page while signed out.",
            ),
            Text(
                ja="報告先、受領を知らせる時期、進み具合を知らせる時期の三つがあるか見る。欠ければ no。",
                en="Look for three things: contact, time to acknowledge, time of status updates. If one is missing: no.",
            ),
            _PHOTO,
        ),
        attach=True,
    ),
    Question(
        "support-period",
        Text(
            ja="セキュリティ更新を提供する期間（終了日が分かる形）が公表されていますか。",
            en="Is the period of security updates published so that its end is clear?",
        ),
        (
            Text(
                ja="製品ページ、外箱、取扱説明書でサポート期間を探す。",
                en="Look for the support period on the product page, the box and in the manual.",
            ),
            Text(
                ja="終了日、または発売日と年数から終了日が分かれば yes。日付を注記に書く。",
                en="yes if an end date, or a start and a length, is given. Write the date in the note.",
            ),
            _PHOTO,
        ),
        attach=True,
    ),
    Question(
        "model-label",
        Text(
            ja="利用者が型式を機器のラベルまたは画面で確認できますか。",
            en="Can the user read the model designation on a label or a screen of the device?",
        ),
        (
            Text(
                ja="本体のラベルと設定画面を見る。機器記述の型式と同じか確かめる。",
                en="Look at the label and the settings page. Compare with the model of the description.",
            ),
            Text(
                ja="違うときは no とし、見えた型式を注記に書く。",
                en="If it differs: no; write what you see in the note.",
            ),
            _PHOTO,
        ),
        attach=True,
    ),
    Question(
        "update-instructions",
        Text(
            ja="ソフトウェアの更新の手順が利用者向けに説明されていますか。",
            en="Is the way to update the software explained to the user?",
        ),
        (
            Text(
                ja="取扱説明書またはWebで更新の手順を読み、専門知識なしに行えるか判断する。",
                en="Read the update steps in the manual or on the Web; judge whether a layman can follow them.",
            ),
            _CHOICE,
            _PHOTO,
        ),
        attach=True,
    ),
    Question(
        "newest-software-means",
        Text(
            ja="最新のソフトウェアが入っているかを利用者が確認する手段がありますか。",
            en="Does the user have a means to confirm that the newest software is installed?",
        ),
        (
            Text(
                ja="機器の画面、アプリ、またはWebで、最新の版番号と入っている版番号を比べられるか見る。",
                en="See whether the newest and the installed version can be compared on the device, in an app or on the Web.",
            ),
            _CHOICE,
            _PHOTO,
        ),
        attach=True,
    ),
    Question(
        "settings-over-line",
        Text(
            ja="電気通信の機能（送受信）の設定を、電気通信回線設備を介して変更できますか。",
            en="Can settings of the telecommunication functions (sending and receiving) be changed over the carrier's line?",
        ),
        (
            Text(
                ja="リモート管理、クラウド、アプリからの設定変更を含めて考える。",
                en="Include remote management, cloud and app.",
            ),
            Text(
                ja="同じLANからしか変更できなければ no。",
                en="no if settings can be changed only from the same local network.",
            ),
        ),
    ),
    Question(
        "equivalent-certificate",
        Text(
            ja="主張された同等以上の措置（CC認証書など）は、この型式とこの機能に及び、有効ですか。",
            en="Does the claimed equivalent (such as a CC certificate) cover this model and these functions, and is it valid?",
        ),
        (
            Text(
                ja="認証機関の一覧で認証書番号を引き、型式、版、期限を比べる。",
                en="Look the certificate up in the scheme's list; compare model, version and expiry.",
            ),
            Text(
                ja="セキュリティターゲットが、設定変更のアクセス制御・更新・維持を含むか見る。含まなければ no。",
                en="See whether the security target covers access control for settings, update and retention. If not: no.",
            ),
            _PHOTO,
        ),
        attach=True,
    ),
    Question(
        "equivalent-measure",
        Text(
            ja="主張された同等の措置（パスキーなど）は、識別符号の変更や推測対策の代わりになりますか。",
            en="Does the claimed like measure (such as a passkey) stand in for the duties on codes?",
        ),
        (
            Text(
                ja="主張された手段を機器に登録し、その手段だけでサインインできるか試す。",
                en="Register the claimed means at the device and try to sign in by it alone.",
            ),
            Text(
                ja="登録した後、出荷時の符号や他の弱い経路でなお入れるなら no。",
                en="If the preset code or another weak way still gets in afterwards: no.",
            ),
            Text(
                ja="どの義務の代わりになると判断したかを注記に書く。",
                en="Write in the note which duties you hold it to stand in for.",
            ),
            _CHOICE,
            _PHOTO,
        ),
        attach=True,
    ),
    Question(
        "code-change-simple",
        Text(
            ja="利用者は、識別符号を簡単な手順で変更できますか。",
            en="Can the user change the code in a simple way?",
        ),
        (
            Text(
                ja="取扱説明書の手順どおりに、専門知識なしで変更できるか試す。",
                en="Follow the manual and see whether it works without special knowledge.",
            ),
            Text(
                ja="案内がない、または製造者への依頼が要るなら no。",
                en="If there are no instructions, or the maker must be asked: no.",
            ),
            _PHOTO,
        ),
        attach=True,
    ),
)
QUESTIONS = {question.id: question for question in _ALL}

#: Groups of words whose meeting marks a passage worth a look. Our own choice, after the gists.
WORDS = {
    "manual-notice": (
        ("直接接続", "直接つな", "直接、", "connected directly", "direct connection"),
        ("電気通信回線", "電気通信事業者", "公衆無線LAN", "移動通信", "固定通信", "carrier", "public Wi-Fi"),
        ("ルーター", "ルータ", "router"),
        ("できません", "しないでください", "must not", "cannot", "can't", "do not"),
    ),
    "manual-four-functions": (
        ("アクセス制御", "ログイン", "access control", "login"),
        ("初期パスワード", "パスワードの変更", "パスワードを変更", "initial password", "change the password"),
        ("ファームウェア", "ソフトウェアの更新", "ソフトウェア更新", "firmware", "software update"),
        ("停電", "電源を切", "電源断", "power is lost", "power loss", "power failure"),
    ),
    "vulnerability-contact": (
        ("脆弱性", "ぜい弱性", "vulnerability", "security issue"),
        ("連絡先", "報告先", "窓口", "contact", "report"),
    ),
    "support-period": (
        ("サポート期間", "サポート終了", "更新の提供期間", "support period", "end of support"),
        ("年", "まで", "until", "years"),
    ),
    "model-label": (("型式", "型番", "形名", "model"), ("ラベル", "銘板", "label")),
    "update-instructions": (
        ("ファームウェア", "ソフトウェア", "firmware", "software"),
        ("更新", "アップデート", "バージョンアップ", "update"),
        ("手順", "クリック", "押", "steps", "click", "press"),
    ),
    "newest-software-means": (
        ("最新", "newest", "latest"),
        ("バージョン", "ファームウェア", "ソフトウェア", "version", "firmware"),
        ("確認", "check", "confirm"),
    ),
}


def asked(terminal: Terminal) -> tuple[Question, ...]:
    """Return the questions that this terminal needs, in order."""
    declared = terminal.applicability
    needed = {
        "manual-notice": declared.connection in {"indirect", ""},
        "settings-over-line": declared.settings_over_line is None,
        "equivalent-certificate": declared.equivalent is not None,
        "equivalent-measure": any(login.equivalents for login in terminal.logins),
        "code-change-simple": any(login.preset or login.current for login in terminal.logins),
    }
    return tuple(question for question in _ALL if needed.get(question.id, True))
