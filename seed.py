import sqlite3,hashlib,json,numpy as np
D='/work/shared/data/retrieval/scifact/'; E=np.load('d256.npy').astype('<f4')
c=sqlite3.connect('/tmp/sw/xdg/segue/evals/beir-scifact/cache/embeddings.db')
c.executescript("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS models (id INTEGER PRIMARY KEY, fingerprint TEXT UNIQUE); CREATE TABLE IF NOT EXISTS vectors (model INTEGER, text BLOB, vector BLOB, PRIMARY KEY (model, text)) WITHOUT ROWID;")
c.execute("INSERT OR IGNORE INTO models (fingerprint) VALUES ('all-minilm-l6-v2/fp32/mean/256/53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db')")
for i,l in enumerate(open(D+'corpus.jsonl')):
    d=json.loads(l); t=(d['title']+' '+d['text']).strip()[:2000]
    c.execute("INSERT OR REPLACE INTO vectors VALUES (1,?,?)",(hashlib.sha256(t.encode()).digest(),E[i].tobytes()))
c.commit()
# how the one being made by segue compares so far
import os
p=os.path.expanduser('~/.cache/segue/evals/beir-scifact/cache/embeddings.db')
s=sqlite3.connect(p); mine={bytes(k):np.frombuffer(v,'<f4') for k,v in c.execute("select text,vector from vectors")}
cos=[float(np.dot(np.frombuffer(v,'<f4'),mine[bytes(k)])) if bytes(k) in mine else None for k,v in s.execute("select text,vector from vectors")]
print(len(cos),'unknown',sum(x is None for x in cos),'min cosine',min(x for x in cos if x is not None), s.execute("select * from models").fetchall())
