"""Words that advise, order or deny, in the languages that incidents are read in; the lists are never whole."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PROGRAMS = _words("kubectl helm curl wget docker podman sudo bash sh rm psql ssh http https www systemctl")
ADVICE = _words(
    "should must please ignore disregard recommend recommended advise advised suggest suggested you your let "
    "sollte sollten solltest muss müssen musst bitte ignoriere ignorieren lösche löschen führe deaktiviere entferne starte "
    "empfehle empfohlen "
    "devez devrait devriez doit veuillez ignorez supprimez supprimer exécutez exécuter redémarrez désactivez vous "
    "debe deben debería ignora elimine elimina borra borre ejecute ejecuta reinicie reinicia usted "
    "deve devem exclua apague execute favor você deveria dovresti dovrebbe esegui riavvia cancella "
    "moet moeten verwijder negeer voer "
    "удалите выполните игнорируйте должны следует пожалуйста перезапустите"
)
ADVICE_ANYWHERE = ("请", "删除", "运行", "执行", "忽略", "应该", "必须", "ください", "削除", "実行", "無視", "삭제", "실행", "무시", "하세요")  # fmt: skip
ORDERS = (
    "add|allow|apply|call|cancel|change|check|click|clear|contact|cordon|create|decrease|delete|deploy|disable|drain|drop|"
    "edit|enable|ensure|execute|exec|expose|fetch|fix|force|forget|forward|give|go|grant|install|kill|lower|make|open|patch|pay|"
    "post|print|pull|push|raise|reboot|redeploy|remove|replace|reset|restart|revert|roll|run|scale|see|send|set|shut|skip|"
    "start|stop|submit|switch|terminate|trust|try|turn|undo|uninstall|update|upgrade|use|visit|wipe|write"
)
JOINING = _words("and then to or just now first next also")
ORDERED = re.compile(
    rf"(?:^|[,;:.!?]\s+|\s[\u2013\u2014-]\s+|\b(?:{'|'.join(sorted(JOINING))})\s+)(?:{ORDERS})\b",
    re.IGNORECASE,
)
DESCRIBED = re.compile(
    rf"\b(refuses|refused|fails|failed|tries|tried|attempts|attempted|takes|took|unable)\s+to\s+(?:{ORDERS})\b",
    re.IGNORECASE,
)
"""An infinitive after a verb that only describes: *failed to start* is no advice, *it is best to start* may be."""
ANSWERED = re.compile(
    r"(?:^|[,;:.!?]\s+|\b(?:and|then|now)\s+)(?:answer|approve|blame|close|obey|reply|respond|say|tell)\b",
    re.IGNORECASE,
)
DENIALS = _words(
    "not no never none cannot neither nor isn wasn aren weren doesn didn hasn nicht kein keine keinen keiner nie niemals "
    "pas jamais aucun aucune nunca ningún ninguna não nenhum non mai nessun nessuna niet geen nooit не нет ни никогда"
)
DENIALS_ANYWHERE = ("不", "没", "ない", "ません", "않")
