"""The fixed words of the report, in both languages side by side.

Sentences about a terminal are not here: they live in the ``reasons`` of each criterion.
"""

from __future__ import annotations

from sekisho.language import Language, Text

WORDS: dict[str, Text] = {
    "title": Text(ja="端末セキュリティ試験報告書", en="Terminal security test report"),
    "product": Text(ja="関所", en="Sekisho"),
    "not_filled": Text(ja="未記入", en="Not filled in"),
    "skip_to": Text(ja="本文へ", en="Skip to the content"),
    "contents": Text(ja="目次", en="Contents"),
    "page": Text(ja="ページ", en="Page"),
    "terminal_short": Text(ja="供試機器", en="Terminal"),
    "record_number": Text(ja="記録番号", en="Record number"),
    "record_date": Text(ja="試験日", en="Date of test"),
    "made_at": Text(ja="作成", en="Written"),
    "chain_head": Text(ja="証拠の連鎖の先頭値", en="Evidence chain head"),
    "chain_short": Text(ja="連鎖", en="chain"),
    "summary": Text(ja="結論", en="Conclusion"),
    "limits": Text(ja="この報告書を読む前に", en="Read this first"),
    "record": Text(ja="試験の記録", en="Test record"),
    "record_gist": Text(
        ja="認定規則 第21条・第41条・第42条が検査・検証の記録に求める項目。空欄は「未記入」と示す。",
        en="The items that the certification rule (認定規則) articles 21, 41 and 42 ask of a record of inspection "
        "or verification. What is missing is shown as not filled in.",
    ),
    "instruments": Text(ja="測定器と較正", en="Instruments and calibration"),
    "instrument": Text(ja="名称", en="Name"),
    "maker": Text(ja="製造者", en="Maker"),
    "model": Text(ja="型式", en="Model"),
    "serial": Text(ja="製造番号", en="Serial number"),
    "calibrated": Text(ja="較正日", en="Calibrated on"),
    "calibrated_by": Text(ja="較正した者", en="Calibrated by"),
    "authorisation": Text(ja="試験の許可", en="Authorisation"),
    "authorisation_gist": Text(
        ja="不正アクセス禁止法 第2条第4項にいうアクセス管理者の承諾。これがない間は1パケットも送らない。",
        en="Consent of the access administrator (不正アクセス禁止法 art. 2 para. 4). Without it not one packet is sent.",
    ),
    "terminal": Text(ja="供試機器", en="Terminal under test"),
    "units": Text(ja="供試品", en="Specimens"),
    "unit": Text(ja="個体", en="Unit"),
    "mac": Text(ja="MACアドレス", en="MAC address"),
    "interfaces": Text(ja="インタフェース", en="Interfaces"),
    "interface": Text(ja="インタフェース", en="Interface"),
    "role": Text(ja="役割", en="Role"),
    "addresses": Text(ja="アドレス", en="Addresses"),
    "applicability": Text(ja="適用範囲", en="Applicability"),
    "applicability_gist": Text(
        ja="端末設備等規則 第34条の10 の適用条件①〜④と、申告された回答。",
        en="The conditions ① to ④ of 端末設備等規則 article 34-10, and the answers declared.",
    ),
    "declared": Text(ja="申告", en="Declared"),
    "question": Text(ja="条件", en="Condition"),
    "judgements": Text(ja="判定", en="Judgements"),
    "requirement": Text(ja="要件", en="Requirement"),
    "clause": Text(ja="条項", en="Clause"),
    "verdict": Text(ja="判定", en="Verdict"),
    "reason": Text(ja="理由", en="Reason"),
    "duty": Text(ja="要求の要旨", en="What is asked"),
    "edition": Text(ja="版", en="Edition"),
    "status": Text(ja="効力", en="Force"),
    "validity": Text(ja="効力の期間", en="Validity"),
    "confidence": Text(ja="根拠の確かさ", en="Confidence"),
    "sources": Text(ja="根拠", en="Sources"),
    "crosswalk": Text(ja="対応する他の要件", en="Corresponds to"),
    "condition": Text(ja="条件", en="Applies if"),
    "obligation": Text(ja="義務の種別", en="Obligation"),
    "remark": Text(ja="備考", en="Remark"),
    "parameters": Text(ja="判定に用いた値", en="Parameters used"),
    "credit": Text(ja="出典", en="Credit"),
    "findings": Text(ja="所見", en="Findings"),
    "assurance": Text(ja="知り方", en="Known by"),
    "claim": Text(ja="申告された同等措置（主張）", en="Claimed equivalent measure (a claim)"),
    "evidence_links": Text(ja="証拠", en="Evidence"),
    "subject": Text(ja="対象", en="Subject"),
    "figures": Text(ja="図", en="Figures"),
    "figure": Text(ja="図", en="Figure"),
    "data": Text(ja="数値の表", en="The data behind it"),
    "attempts": Text(ja="試験の実施状況", en="What was done"),
    "attempts_gist": Text(
        ja="測定できたかどうかを示す。機器の良し悪しではない。測定できなかった項目は合格にならない。",
        en="Whether we managed to measure; it says nothing about the terminal. What wasn't measured is never a pass.",
    ),
    "probe": Text(ja="試験項目", en="Probe"),
    "outcome": Text(ja="実施", en="Outcome"),
    "steps": Text(ja="手順数", en="Steps"),
    "failures": Text(ja="応答の得られなかった手順", en="Steps that got no answer"),
    "changes": Text(ja="前回の判定からの変化", en="What changed since the previous judgement"),
    "before": Text(ja="前回", en="Before"),
    "after": Text(ja="今回", en="Now"),
    "unchanged": Text(ja="変化なし", en="Unchanged"),
    "evidence": Text(ja="証拠", en="Evidence"),
    "evidence_gist": Text(
        ja="試験の手順ごとの生の記録。判定は含まない。各通信記録の名前はその内容のSHA-256である。",
        en="The raw record of every step; no judgement in it. A transcript's name is the SHA-256 of its content.",
    ),
    "transcripts": Text(ja="通信記録", en="Transcripts"),
    "transcript": Text(ja="通信記録", en="Transcript"),
    "sent": Text(ja="送信", en="sent"),
    "received": Text(ja="受信", en="received"),
    "digest": Text(ja="SHA-256", en="SHA-256"),
    "bytes": Text(ja="バイト", en="bytes"),
    "opened": Text(ja="開始", en="Opened"),
    "peer": Text(ja="相手", en="Between"),
    "verify": Text(ja="この報告書の確かめ方", en="How to verify this report"),
    "provenance": Text(ja="試験環境", en="Provenance"),
    "began": Text(ja="開始", en="Began"),
    "ended": Text(ja="終了", en="Ended"),
    "tool": Text(ja="試験器", en="Tool"),
    "assessment": Text(ja="試験ID", en="Assessment"),
    "signature": Text(ja="責任者 署名", en="Signature of the person responsible"),
    "signed_on": Text(ja="日付", en="Date"),
    "all": Text(ja="計", en="Total"),
    "standard": Text(ja="基準", en="Standard"),
    "duties_table": Text(ja="要件ごとの判定", en="Verdict per requirement"),
    "json_inside": Text(
        ja="機械可読の結果（JSON）をこの文書に添付している。",
        en="The machine-readable result (JSON) is attached to this document.",
    ),
    "more": Text(ja="ほか {count} 件", en="{count} more"),
    "cut": Text(
        ja="ここまでを表示。残り {count} バイトは証拠 {id} にある。",
        en="Cut here; {count} more bytes are in evidence {id}.",
    ),
    "dropped": Text(
        ja="上限を超えた {count} バイトは記録していない。",
        en="{count} bytes beyond the bound were not recorded.",
    ),
    "not_shown": Text(
        ja="紙面の都合でここには示さない。内容は証拠 {id} にある。",
        en="Not printed here for space; the content is evidence {id}.",
    ),
    "no_transcript": Text(ja="通信記録が渡されていない", en="the transcript was not handed over"),
    "none_yet": Text(ja="なし", en="None"),
    "not_counted": Text(ja="参考（判定に数えない）", en="For information, not counted"),
    "unverified": Text(ja="未確認（確かさD）", en="Unverified (grade D)"),
    "open_ended": Text(ja="定めなし", en="open"),
    "not_law": Text(ja="未施行", en="Not yet law"),
    "and_not_run": Text(ja="ほかに未実施 {count} 件", en="plus {count} not run"),
    "of": Text(ja="{total} 件", en="{total} requirements"),
}

STATUS: dict[str, Text] = {
    "in-force": Text(ja="施行中", en="In force"),
    "proposed": Text(ja="改正案（未施行）", en="Proposed, not yet law"),
    "voluntary": Text(ja="任意", en="Voluntary"),
    "foreign": Text(ja="外国の基準", en="Foreign standard"),
    "parameters": Text(ja="基準値集", en="Parameter set"),
}

CONFIDENCE: dict[str, Text] = {
    "A": Text(ja="A 一次資料を確認", en="A: primary text read"),
    "B": Text(ja="B 公的・良質な二次資料を確認", en="B: good secondary text read"),
    "C": Text(ja="C 推定または単一の二次資料", en="C: inference or one secondary source"),
    "D": Text(ja="D 未確認", en="D: unverified"),
}

OBLIGATION: dict[str, Text] = {
    "mandatory": Text(ja="必須", en="Mandatory"),
    "recommended": Text(ja="推奨", en="Recommended"),
    "recommendation": Text(ja="推奨", en="Recommended"),
    "guideline": Text(ja="ガイドライン向け", en="Meant for a guideline"),
    "conditional": Text(ja="条件付き", en="Conditional"),
    "info": Text(ja="参考", en="For information"),
    "informative": Text(ja="参考", en="For information"),
    "optional": Text(ja="任意", en="Optional"),
}

ASSURANCE: dict[str, Text] = {
    "observed": Text(ja="試験で観測", en="Observed by the test"),
    "declared": Text(ja="製造者の申告", en="Declared by the maker"),
    "witnessed": Text(ja="人が確認", en="Witnessed by a person"),
}

ATTEMPT: dict[str, Text] = {
    "done": Text(ja="実施", en="Done"),
    "partial": Text(ja="一部実施", en="Partly done"),
    "failed": Text(ja="測定失敗", en="Failed to measure"),
    "skipped": Text(ja="見送り", en="Skipped"),
    "stopped": Text(ja="中断", en="Stopped"),
    "none": Text(ja="未実施", en="Not run"),
}

ROLE: dict[str, Text] = {
    "lan": Text(ja="LAN側", en="LAN side"),
    "wan": Text(ja="回線側（WAN）", en="Line side (WAN)"),
    "wlan": Text(ja="無線LAN", en="Wireless LAN"),
    "management": Text(ja="管理用", en="Management"),
}


def words(language: Language) -> dict[str, str]:
    """Return every fixed word of the report in one language."""
    return {key: text.say(language) for key, text in WORDS.items()}


def word(table: dict[str, Text], key: str, language: Language) -> str:
    """Return the word of ``key``, or the key itself when a newer catalogue brought a new one."""
    return table[key].say(language) if key in table else key
