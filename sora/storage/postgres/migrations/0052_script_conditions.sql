-- Putting a script in the place of the text that one knows, so that nobody's change is lost.

-- As put_script_v1; with p_replaces only where the script has that text (empty: where there is none).
-- One that has the new text already has got it by this very call, whose answer was lost (G14), or as
-- well might have.
create function put_script_v2(
    p_account bigint, p_name text, p_source text, p_size bigint, p_position text,
    p_max_size bigint, p_max_scripts bigint, p_max_total bigint, p_replaces text
) returns void
language plpgsql volatile as $$
declare
    v_source text;
begin
    perform lock_scripts_v1(p_account);
    if p_replaces is not null then
        select source into v_source from scripts where account_id = p_account and name = p_name;
        if coalesce(v_source, '') not in (p_replaces, p_source) then
            raise exception using errcode = 'SR021',
                message = format('The script %s is another one by now.', p_name);
        end if;
    end if;
    perform put_script_v1(
        p_account, p_name, p_source, p_size, p_position, p_max_size, p_max_scripts, p_max_total
    );
end
$$;
