"""Writes models.csv, the layout of SunSpec's information models, from the definitions that pysunspec2 ships.

    python3 -m venv /tmp/v && /tmp/v/bin/pip install pysunspec2==1.3.7 && /tmp/v/bin/python hil/sunspec/models.py

Only what a reader needs: where a point is, how it is coded, by which scale factor, whether it can be written. Groups
that occur a fixed number of times are written out; of those that repeat as often as the device says (curves, ports)
the first is, and `stride` tells the length of one where that does not depend on the device itself.
"""
import json
import os
import sunspec2

MODELS = [1, 101, 102, 103, 111, 112, 113, 120, 121, 122, 123, 201, 202, 203, 204, 211, 212, 213, 214, 701, 702, 703, 704, 705, 706, 713, 714, 715]


def points(group, at, prefix, rows, model):
    for point in group.get('points', []):
        size = point['size']
        if not (prefix == '' and point['name'] in ('ID', 'L')):
            # What only fills up is there as well: it counts for the model's length.
            kind = 'raw16' if point['type'] == 'pad' else point['type']
            rows.append([model, at, size, prefix + point['name'], kind, point.get('sf', ''),
                         point.get('units', ''), point.get('access', 'R')])
        at += size
    for sub in group.get('groups', []):
        count = sub.get('count', 1)
        fixed = count if isinstance(count, int) and count > 0 else 1
        for k in range(fixed):
            name = sub['name'] + (f'{k + 1}' if fixed > 1 else '') + '.'
            if sub['name'] in ('Crv', 'Pt', 'Prt', 'module') or isinstance(count, str) or count == 0:
                name = sub['name'] + '1.'
            at = points(sub, at, prefix + name, rows, model)
    return at


def main():
    folder = os.path.join(os.path.dirname(sunspec2.__file__), 'models', 'json')
    rows = []
    for model in MODELS:
        with open(os.path.join(folder, f'model_{model}.json')) as file:
            points(json.load(file)['group'], 0, '', rows, model)
    with open(os.path.join(os.path.dirname(__file__), 'models.csv'), 'w') as out:
        out.write('model,offset,words,point,type,scale,unit,access\n')
        for row in rows:
            out.write(','.join(str(cell) for cell in row) + '\n')


main()
